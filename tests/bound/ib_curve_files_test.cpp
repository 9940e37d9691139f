#include <catch2/catch_test_macros.hpp>
#include <catch2/matchers/catch_matchers_exception.hpp>
#include <infoplane/bound/ib_curve.hpp>
#include <infoplane/core/error.hpp>

#include "bound/samples.hpp"
#include "core/odd_locale.hpp"
#include "core/places.hpp"

// Where a curve may be told to go, and what happens to what was there: the table of docs/files.md.
using Catch::Matchers::Message;
using infoplane::IoError;
using infoplane::bound::IbCurve;
namespace fs = std::filesystem;

namespace {

IbCurve curve() { return IbCurve::solve(infoplane::test::joint_of({{3, 1}, {1, 3}})); }

void refused(const std::string& path, const std::string& reason) {
  REQUIRE_THROWS_MATCHES(curve().save(path), IoError,
                         Message("the IB curve cannot be written to " + path + ": " + reason));
}

}  // namespace

TEST_CASE("a curve replaces a curve, through links, with its mode, and touches no other file", "[bound][files]") {
  const places::Folder folder;
  fs::create_directory(folder.file("disk"));
  fs::create_symlink("disk/curve", folder.file("link"));
  places::write(folder.file("link.part"), "mine");
  curve().save(folder.file("link"));
  fs::permissions(folder.file("disk/curve"), fs::perms(0640));
  fs::create_hard_link(folder.file("disk/curve"), folder.file("hard"));
  curve().save(folder.file("link"));
  REQUIRE(fs::is_symlink(folder.file("link")));
  REQUIRE(IbCurve::load(folder.file("disk/curve")).points().size() == curve().points().size());
  REQUIRE(places::mode(folder.file("disk/curve")) == 0640);
  REQUIRE(places::status(folder.file("hard")).st_ino != places::status(folder.file("disk/curve")).st_ino);
  REQUIRE(places::read(folder.file("link.part")) == "mine");
  REQUIRE(folder.names() == std::vector<std::string>{"disk", "hard", "link", "link.part"});
}

TEST_CASE("a curve takes the place of nothing else", "[bound][files]") {
  const places::Folder folder;
  fs::create_directory(folder.file("folder"));
  refused(folder.file("folder"), "it is a folder");
  REQUIRE(::mkfifo(folder.file("pipe").c_str(), 0600) == 0);
  refused(folder.file("pipe"), "it is a pipe that nobody reads: start its reader first");
  const std::string run = R"({"schema":"infoplane.run","schema_version":1})";
  places::write(folder.file("run"), run);
  refused(folder.file("run"), "it is a run file, which would be lost: give another path, or remove it");
  REQUIRE(places::read(folder.file("run")) == run);
  if (places::make_device(folder.file("null"))) {
    curve().save(folder.file("null"));
    REQUIRE(S_ISCHR(places::status(folder.file("null")).st_mode));
  } else {
    WARN("no device can be made here, so none was written to");
  }
}

TEST_CASE("a full disk and a read-only file leave the curve as it was", "[bound][files]") {
  const places::Folder folder;
  const auto path = folder.file("curve");
  curve().save(path);
  const auto before = places::read(path);
  {
    const places::SmallDisk small(100);
    refused(path, "File too large");
  }
  fs::permissions(path, fs::perms(0444));
  fs::permissions(folder.file(""), fs::perms(0777));
  REQUIRE(places::as_plain_user([&] {
            try {
              curve().save(path);
            } catch (const IoError&) {
              return 7;
            }
            return 0;
          }) == 7);
  REQUIRE(places::read(path) == before);
  REQUIRE(folder.names() == std::vector<std::string>{"curve"});
}

TEST_CASE("a curve goes from one locale of the program to another", "[bound][files][locale]") {
  const places::Folder folder;
  curve().save(folder.file("here"));
  {
    const OddLocale odd;
    curve().save(folder.file("there"));
    REQUIRE(IbCurve::load(folder.file("here")).points().size() == curve().points().size());
  }
  REQUIRE(places::read(folder.file("there")) == places::read(folder.file("here")));
}
