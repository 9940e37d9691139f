#include <catch2/catch_test_macros.hpp>
#include <chrono>
#include <csignal>
#include <iostream>
#include <thread>

#include "cli/support.hpp"
#include "core/places.hpp"

// Where the program may be told to write, and what happens to what was there: the table of docs/files.md.
using cli_support::has;
using cli_support::run;
using cli_support::write_run;
namespace fs = std::filesystem;

namespace {

using Names = std::vector<std::string>;

/// Exit code of a command line whose standard output is appended to a file.
int run_into(const std::string& path, const std::vector<std::string>& arguments) {
  return places::in_child([&] {
    ::dup2(::open(path.c_str(), O_WRONLY | O_APPEND | O_CREAT, 0644), STDOUT_FILENO);
    ::dup2(::open("/dev/null", O_WRONLY), STDERR_FILENO);
    return infoplane::cli::run(arguments, std::cout, std::cerr);
  });
}

/// A run, a text and its curve.
struct Inputs {
  samples::Folder folder;
  std::string run_file = write_run(folder, "a"), text = folder.file("text"), curve = folder.file("text.curve.json");
  Inputs() {
    places::write(text, "abcabdabcacbabcbca");
    REQUIRE(run({"bound", text, "-o", curve}).code == 0);
  }
};

}  // namespace

TEST_CASE("report never writes over what it reads", "[cli][files]") {
  const Inputs inputs;
  const auto& folder = inputs.folder;
  const auto &path = inputs.run_file, &curve = inputs.curve;
  const auto other = write_run(folder, "b");
  fs::create_directory(folder.file("sub"));
  fs::create_symlink(path, folder.file("link"));
  fs::create_hard_link(path, folder.file("hard"));
  const auto before = places::read(path), curve_before = places::read(curve);
  const auto refused = [&](const std::vector<std::string>& arguments, const std::string& input,
                           const std::string& what = "page") {
    const auto result = run(arguments);
    CAPTURE(result.err);
    REQUIRE(result.code == 2);
    REQUIRE(result.out.empty());
    REQUIRE(result.err ==
            "infoplane: the " + what + " would be written over the input " + input + ": give another --output\n");
    REQUIRE(places::read(path) == before);
    REQUIRE(places::read(curve) == curve_before);
    REQUIRE(fs::is_symlink(folder.file("link")));
  };
  const auto here = fs::current_path();
  fs::current_path(folder.file(""));
  for (const std::string& name : {path, folder.file("link"), folder.file("hard"), folder.file("sub/../a.jsonl"),
                                  std::string("a.jsonl"), std::string("./a.jsonl"), std::string("./link")}) {
    CAPTURE(name);
    refused({"report", path, "-o", name}, path);
    refused({"report", name, "-o", path}, name);
    refused({"report", other, path, "-o", name}, path);
    refused({"report", path, "--figure", "plane", "-o", name}, path, "figure");
    refused({"report", path, "--json", "-o", name}, path);
  }
  fs::current_path(here);
  refused({"report", path, "--curve", curve, "-o", curve}, curve);
  refused({"report", path, "--curve", "bigram=" + curve, "-o", curve}, curve);

  // By its default name: beside the first run.
  fs::rename(other, folder.file("a.html"));
  refused({"report", path, folder.file("a.html")}, folder.file("a.html"));
  fs::rename(folder.file("a.html"), folder.file("a.plane.svg"));
  refused({"report", path, "--figure", "plane", "--curve", folder.file("a.plane.svg")}, folder.file("a.plane.svg"),
          "figure");
  fs::create_symlink(path, folder.file("a.html"));
  refused({"report", path}, path);
}

TEST_CASE("bound never writes over what it reads", "[cli][files]") {
  const Inputs inputs;
  const auto& [folder, path, text, curve] = inputs;
  fs::create_symlink(text, folder.file("link"));
  fs::create_hard_link(text, folder.file("hard"));
  fs::create_symlink(text, folder.file("abc.curve.json"));
  places::write(folder.file("abc.txt"), "abcabc");
  const auto before = places::read(text);
  for (const std::string& name : {text, folder.file("link"), folder.file("hard"), folder.file("./text")}) {
    CAPTURE(name);
    const auto result = run({"bound", folder.file("abc.txt"), text, "-o", name});
    REQUIRE(result.code == 2);
    REQUIRE(result.err == "infoplane: the curve would be written over the text " + text + ": give another --output\n");
    REQUIRE(places::read(text) == before);
  }
  REQUIRE(run({"bound", folder.file("abc.txt"), text}).code == 2);  // by its default name
  REQUIRE(places::read(text) == before);
}

TEST_CASE("no command prints into what it reads", "[cli][files]") {
  const Inputs inputs;
  const auto& [folder, path, text, curve] = inputs;
  const auto other = write_run(folder, "b"), scores = folder.file("scores.csv");
  places::write(scores, "run,mmlu\na,0.3\nb,0.4\n");
  const auto untouched = [&](const std::string& into, const std::vector<std::string>& arguments) {
    CAPTURE(arguments.front(), into);
    const auto before = places::read(into);
    REQUIRE(run_into(into, arguments) == 2);
    REQUIRE(places::read(into) == before);
  };
  for (const auto& into : {path, other}) {
    untouched(into, {"report", path, other, "--json", "-o", folder.file("page.html")});
    untouched(into, {"report", path, other, "-o", "-"});
    untouched(into, {"report", path, other, "-o", "/dev/stdout"});
    untouched(into, {"compare", path, other});
    untouched(into, {"correlate", scores, path, other});
    untouched(into, {"report", "--check", path, other});
  }
  untouched(scores, {"correlate", scores, path, other});
  untouched(path, {"watch", path, "--once", "--json"});
  untouched(text, {"bound", text, "-o", curve});
  untouched(curve, {"report", path, "--curve", curve, "-o", "-"});
  REQUIRE_FALSE(fs::exists(folder.file("page.html")));
}

TEST_CASE("a page and the standard output are not one file", "[cli][files]") {
  const Inputs inputs;
  const auto& [folder, path, text, curve] = inputs;
  const auto out = folder.file("out");
  places::write(out, "before\n");
  REQUIRE(run_into(out, {"report", path, "--json", "-o", out}) == 2);
  REQUIRE(run_into(out, {"report", path, "-o", out}) == 2);
  REQUIRE(run_into(out, {"bound", text, "-o", out}) == 2);
  REQUIRE(run_into(out, {"report", path, "--json", "-o", "/dev/stdout"}) == 2);
  REQUIRE(places::read(out) == "before\n");
  REQUIRE(run_into(out, {"report", path, "-o", "/dev/stdout"}) == 0);
  const auto page = places::read(out);
  REQUIRE(page.starts_with("before\n<!DOCTYPE html>"));
  REQUIRE(page.ends_with("</html>\n"));  // and no path behind it
}

TEST_CASE("the program's files go through links and keep their mode", "[cli][files]") {
  const Inputs inputs;
  const auto& [folder, path, text, curve] = inputs;
  fs::create_directory(folder.file("disk"));
  for (const auto& [name, arguments] : {std::pair<std::string, Names>{"page", {"report", path}},
                                        {"figure", {"report", path, "--figure", "plane"}},
                                        {"curve", {"bound", text}}}) {
    CAPTURE(name);
    auto line = arguments;
    const auto target = folder.file("disk/" + name), link = folder.file(name);
    fs::create_symlink("disk/" + name, link);
    places::write(link + ".part", "mine");
    line.insert(line.end(), {"-o", link});
    REQUIRE(run(line).code == 0);
    const auto first = places::read(target);
    REQUIRE_FALSE(first.empty());
    fs::permissions(target, fs::perms(0604));
    REQUIRE(run(line).code == 0);
    REQUIRE(places::read(target) == first);
    REQUIRE(places::mode(target) == 0604);
    REQUIRE(fs::is_symlink(link));
    REQUIRE(places::read(link + ".part") == "mine");
  }
}

TEST_CASE("the program's files take the place of nothing but a file", "[cli][files]") {
  const Inputs inputs;
  const auto& folder = inputs.folder;
  const auto &path = inputs.run_file, &text = inputs.text;
  const bool devices = places::make_device(folder.file("null")) && places::make_device(folder.file("full"), 7);
  REQUIRE(::mkfifo(folder.file("pipe").c_str(), 0600) == 0);
  REQUIRE(places::make_socket(folder.file("socket")));
  fs::create_directory(folder.file("folder"));
  const auto other = write_run(folder, "b");
  const auto other_before = places::read(other);
  for (const auto& arguments : {Names{"report", path}, {"report", path, "--figure", "plane"}, {"bound", text}}) {
    CAPTURE(arguments);
    const auto into = [&](const std::string& name) {
      auto line = arguments;
      line.insert(line.end(), {"-o", folder.file(name)});
      return run(line);
    };
    const auto start = std::chrono::steady_clock::now();
    REQUIRE(into("pipe").code == 3);
    REQUIRE(has(into("pipe").err, "it is a pipe that nobody reads: start its reader first"));
    REQUIRE(has(into("socket").err, "it is a socket"));
    REQUIRE(has(into("folder").err, "it is a folder"));
    REQUIRE(into("b.jsonl").code == 3);
    REQUIRE(has(into("b.jsonl").err, "it is a run file, which would be lost"));
    REQUIRE(std::chrono::steady_clock::now() - start < std::chrono::seconds(10));
    std::string piped;
    std::thread reader([&] { piped = places::read(folder.file("pipe")); });
    int code = 3;
    while ((code = into("pipe").code) == 3) {  // it has not opened the pipe yet
      std::this_thread::sleep_for(std::chrono::milliseconds(1));
    }
    reader.join();
    REQUIRE(code == 0);
    REQUIRE(piped.size() > 100);
    if (devices) {
      REQUIRE(into("null").code == 0);
      const auto full = into("full");
      REQUIRE(full.code == 3);
      REQUIRE(has(full.err, "No space left on device"));
      REQUIRE(S_ISCHR(places::status(folder.file("null")).st_mode));
      REQUIRE(S_ISCHR(places::status(folder.file("full")).st_mode));
    }
  }
  REQUIRE(places::read(other) == other_before);
  REQUIRE(S_ISFIFO(places::status(folder.file("pipe")).st_mode));
  if (!devices) {
    WARN("no device can be made here, so none was written to");
  }
}

TEST_CASE("a full disk and a read-only file leave the program's files as they were", "[cli][files]") {
  const Inputs inputs;
  const auto& [folder, path, text, curve] = inputs;
  fs::permissions(folder.file(""), fs::perms(0777));
  for (const auto& [name, arguments] : {std::pair<std::string, Names>{"page", {"report", path}},
                                        {"figure", {"report", path, "--figure", "plane"}},
                                        {"curve", {"bound", text}}}) {
    CAPTURE(name);
    auto line = arguments;
    line.insert(line.end(), {"-o", folder.file(name)});
    REQUIRE(run(line).code == 0);
    const auto before = places::read(folder.file(name));
    {
      const places::SmallDisk small(200);
      REQUIRE(run(line).code == 3);
    }
    fs::permissions(folder.file(name), fs::perms(0444));
    REQUIRE(places::as_plain_user([&line = line] { return run(line).code; }) == 3);
    REQUIRE(places::read(folder.file(name)) == before);
  }
  const fs::directory_iterator files(folder.file(""));
  REQUIRE(std::distance(begin(files), end(files)) == 6);
}
