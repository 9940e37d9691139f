#pragma once

#include <locale>
#include <string>

/// While it lives, the program's locale writes 1234.5 as "1.234,5" and true as "ja", as a German program may.
class OddLocale {
 public:
  OddLocale() : before_(std::locale::global(std::locale(std::locale::classic(), new Punctuation))) {}
  ~OddLocale() { std::locale::global(before_); }
  OddLocale(const OddLocale&) = delete;
  OddLocale& operator=(const OddLocale&) = delete;

 private:
  class Punctuation : public std::numpunct<char> {
    char do_decimal_point() const override { return ','; }
    char do_thousands_sep() const override { return '.'; }
    std::string do_grouping() const override { return "\3"; }
    std::string do_truename() const override { return "ja"; }
    std::string do_falsename() const override { return "nein"; }
  };

  std::locale before_;
};
