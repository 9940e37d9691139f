#pragma once

#include <iostream>
#include <sstream>
#include <string>

/// Collects what goes to std::cerr.
class CaptureErrors {
 public:
  CaptureErrors() : before_(std::cerr.rdbuf(text_.rdbuf())) {}
  ~CaptureErrors() { std::cerr.rdbuf(before_); }
  CaptureErrors(const CaptureErrors&) = delete;
  CaptureErrors& operator=(const CaptureErrors&) = delete;
  std::string text() const { return text_.str(); }

 private:
  std::ostringstream text_;
  std::streambuf* before_;
};
