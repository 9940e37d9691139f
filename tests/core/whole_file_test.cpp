#include "core/whole_file.hpp"
#include "needs.hpp"

#include <sys/xattr.h>

#include <array>
#include <catch2/catch_test_macros.hpp>
#include <catch2/matchers/catch_matchers_exception.hpp>
#include <cerrno>
#include <chrono>
#include <csignal>
#include <infoplane/core/error.hpp>
#include <random>
#include <thread>

#include "core/places.hpp"

using Catch::Matchers::Message;
using infoplane::FileKind;
using infoplane::IoError;
using infoplane::WholeFile;
using infoplane::write_file;
namespace fs = std::filesystem;

namespace {

using Names = std::vector<std::string>;

constexpr const char* kRun = R"({"schema":"infoplane.run","schema_version":1})";

void refused(const std::string& path, const std::string& reason, const std::string& bytes = "new") {
  REQUIRE_THROWS_MATCHES(write_file(path, bytes), IoError, Message("cannot write " + path + ": " + reason));
}

}  // namespace

TEST_CASE("a file is new, or replaced with its mode, owner and group", "[core][files]") {
  const places::Folder folder;
  const auto path = folder.file("page");
  const auto umask = ::umask(0027);
  write_file(path, "one");
  ::umask(umask);
  REQUIRE(places::read(path) == "one");
  REQUIRE(places::mode(path) == 0640);
  for (const mode_t mode : {0600, 0444, 0777, 06755}) {
    CAPTURE(mode);
    if (::geteuid() == 0) {
      REQUIRE(::chown(path.c_str(), 1234, 4321) == 0);
    }
    REQUIRE(::chmod(path.c_str(), mode) == 0);
    if (mode == 0444 && ::geteuid() != 0) {
      continue;  // refused, see below
    }
    const auto before = places::status(path);
    write_file(path, "two");
    const auto after = places::status(path);
    REQUIRE(after.st_ino != before.st_ino);
    REQUIRE(after.st_mode == before.st_mode);
    REQUIRE(after.st_uid == before.st_uid);
    REQUIRE(after.st_gid == before.st_gid);
  }
  REQUIRE(places::read(path) == "two");
  REQUIRE(folder.names() == Names{"page"});
}

TEST_CASE("whoever may not give a file away gives the group that it then has no more than all",
          "[core][files][needs:root]") {
  infoplane::test::needs("root", ::geteuid() == 0, "only root can make a file of another group");
  const places::Folder folder;
  const auto path = folder.file("page");
  places::write(path, "old");
  REQUIRE(::chown(path.c_str(), 65534, 4321) == 0);
  REQUIRE(::chmod(path.c_str(), 02664) == 0);
  fs::permissions(folder.file(""), fs::perms(0777));
  REQUIRE(places::as_plain_user([&] {
            write_file(path, "new");
            return 0;
          }) == 0);
  REQUIRE(places::status(path).st_gid == 65534);
  REQUIRE(places::mode(path) == 0644);
}

TEST_CASE("an access list is kept", "[core][files][needs:access_lists]") {
  // Version 2; then owner rw-, user 1 rw-, group ---, mask rw-, others ---: tag, permissions, id.
  constexpr std::array<unsigned char, 44> kList = {
      2, 0, 0,    0,    1,    0,    6,    0, 0xff, 0xff, 0xff, 0xff, 2,    0,    6,    0, 1, 0, 0,    0,    4,    0,
      0, 0, 0xff, 0xff, 0xff, 0xff, 0x10, 0, 6,    0,    0xff, 0xff, 0xff, 0xff, 0x20, 0, 0, 0, 0xff, 0xff, 0xff, 0xff};
  const places::Folder folder;
  const auto path = folder.file("page");
  places::write(path, "old");
  infoplane::test::needs("access_lists",
                         ::setxattr(path.c_str(), "system.posix_acl_access", kList.data(), kList.size(), 0) == 0,
                         "this file system has no access lists");
  write_file(path, "new");
  std::array<unsigned char, 100> list{};
  REQUIRE(::getxattr(path.c_str(), "system.posix_acl_access", list.data(), list.size()) == kList.size());
  REQUIRE(std::equal(kList.begin(), kList.end(), list.begin()));
  REQUIRE(places::read(path) == "new");
}

TEST_CASE("a symbolic link stays and its target is written", "[core][files]") {
  const places::Folder folder;
  fs::create_directories(folder.file("a"));
  fs::create_directories(folder.file("b"));
  places::write(folder.file("b/target"), "old");
  fs::create_symlink("../b/target", folder.file("a/link"));
  fs::create_symlink(folder.file("a/link"), folder.file("first"));
  write_file(folder.file("first"), "new");
  REQUIRE(fs::is_symlink(folder.file("first")));
  REQUIRE(fs::is_symlink(folder.file("a/link")));
  REQUIRE(places::read(folder.file("b/target")) == "new");

  fs::create_symlink("../b/later", folder.file("a/dangling"));
  write_file(folder.file("a/dangling"), "made");
  REQUIRE(fs::is_symlink(folder.file("a/dangling")));
  REQUIRE(places::read(folder.file("b/later")) == "made");

  const auto here = fs::current_path();
  fs::current_path(folder.file("b"));
  fs::create_symlink("target", "bare");
  write_file("bare", "bare");
  write_file("./plain", "plain");
  fs::current_path(here);
  REQUIRE(places::read(folder.file("b/target")) == "bare");
  REQUIRE(places::read(folder.file("b/plain")) == "plain");

  fs::create_symlink("round", folder.file("about"));
  fs::create_symlink("about", folder.file("round"));
  refused(folder.file("round"), "its symbolic links lead in a circle");
  fs::create_symlink("/nowhere/at/all", folder.file("nowhere"));
  refused(folder.file("nowhere"), "No such file or directory");
  REQUIRE(folder.names() == Names{"a", "about", "b", "first", "nowhere", "round"});
}

TEST_CASE("another hard link keeps the old content", "[core][files]") {
  const places::Folder folder;
  places::write(folder.file("one"), "old");
  fs::create_hard_link(folder.file("one"), folder.file("two"));
  write_file(folder.file("one"), "new");
  REQUIRE(places::read(folder.file("one")) == "new");
  REQUIRE(places::read(folder.file("two")) == "old");
}

TEST_CASE("files that are the user's own are no temporary ones", "[core][files]") {
  const places::Folder folder;
  const auto path = folder.file("page");
  places::write(path + ".part", "mine");
  write_file(path, "new");
  REQUIRE(places::read(path + ".part") == "mine");
  {
    const places::SmallDisk small(10);
    refused(path, "File too large", std::string(100, 'x'));
  }
  REQUIRE(places::read(path + ".part") == "mine");
  REQUIRE(places::read(path) == "new");
  REQUIRE(folder.names() == Names{"page", "page.part"});
  const std::string longest(255, 'n');
  write_file(folder.file(longest), "long");
  REQUIRE(places::read(folder.file(longest)) == "long");
}

TEST_CASE("threads and processes that write one file leave one of their contents, whole", "[core][files]") {
  const places::Folder folder;
  const auto path = folder.file("page");
  const auto write_many = [&](char letter) {
    for (int i = 0; i < 30; ++i) {
      write_file(path, std::string(100000, letter));
    }
  };
  const auto child = ::fork();
  if (child == 0) {
    write_many('c');
    ::_exit(0);
  }
  std::thread other([&] { write_many('b'); });
  write_many('a');
  other.join();
  int status = 0;
  REQUIRE(::waitpid(child, &status, 0) == child);
  REQUIRE(status == 0);
  const auto text = places::read(path);
  REQUIRE(text == std::string(100000, text.front()));
  REQUIRE(folder.names() == Names{"page"});
}

TEST_CASE("a device takes the bytes and stays a device", "[core][files][needs:device_nodes]") {
  const places::Folder folder;
  const auto device = folder.file("null");
  infoplane::test::needs("device_nodes", places::make_device(device),
                         "no device can be made here: that needs root and a file system that takes them");
  write_file(device, "gone");
  REQUIRE(S_ISCHR(places::status(device).st_mode));
  fs::create_symlink("null", folder.file("link"));
  write_file(folder.file("link"), "gone");
  REQUIRE(S_ISCHR(places::status(device).st_mode));
  REQUIRE(fs::is_symlink(folder.file("link")));

  const auto full = folder.file("full");
  REQUIRE(places::make_device(full, 7));
  refused(full, "No space left on device");
  REQUIRE(S_ISCHR(places::status(full).st_mode));

  const auto block = folder.file("block");
  REQUIRE(::mknod(block.c_str(), S_IFBLK | 0600, makedev(7, 250)) == 0);
  refused(block, "it is a block device, whose content would be lost");
  REQUIRE(S_ISBLK(places::status(block).st_mode));
  REQUIRE(folder.names() == Names{"block", "full", "link", "null"});
}

TEST_CASE("folders and sockets are refused", "[core][files]") {
  const places::Folder folder;
  fs::create_directory(folder.file("folder"));
  refused(folder.file("folder"), "it is a folder");
  refused(folder.file("folder/"), "it is a folder");
  refused(folder.file("none/page"), "No such file or directory");
  refused("", "No such file or directory");
  REQUIRE(places::make_socket(folder.file("socket")));
  refused(folder.file("socket"), "it is a socket");
  REQUIRE(S_ISSOCK(places::status(folder.file("socket")).st_mode));
  REQUIRE(folder.names() == Names{"folder", "socket"});
}

TEST_CASE("a pipe takes the bytes where somebody reads, and is never waited for where nobody does", "[core][files]") {
  const places::Folder folder;
  const auto path = folder.file("pipe");
  REQUIRE(::mkfifo(path.c_str(), 0600) == 0);
  refused(path, "it is a pipe that nobody reads: start its reader first");
  const std::string text(300000, 'x');  // more than a pipe holds
  std::string got;
  std::thread reader([&] { got = places::read(path); });
  for (bool written = false; !written;) {
    try {
      write_file(path, text);
      written = true;
    } catch (const IoError&) {  // it has not opened the pipe yet
      std::this_thread::sleep_for(std::chrono::milliseconds(1));
    }
  }
  reader.join();
  REQUIRE(got == text);

  const int closes = ::open(path.c_str(), O_RDONLY | O_NONBLOCK | O_CLOEXEC);
  WholeFile file(path, FileKind::kOther);
  ::close(closes);
  REQUIRE_THROWS_MATCHES(file.append("x"), IoError, Message("Broken pipe"));  // and no signal
  REQUIRE(S_ISFIFO(places::status(path).st_mode));
}

TEST_CASE("the standard output goes on where it stands", "[core][files]") {
  const places::Folder folder;
  const auto path = folder.file("log");
  for (const int flags : {O_WRONLY | O_APPEND, O_WRONLY}) {
    CAPTURE(flags);
    places::write(path, "before\n");
    const auto inode = places::status(path).st_ino;
    REQUIRE(places::in_child([&] {
              const int log = ::open(path.c_str(), flags);
              ::lseek(log, 0, SEEK_END);
              ::dup2(log, STDOUT_FILENO);
              write_file("/dev/stdout", "page\n");
              write_file("/proc/self/fd/1", "again\n");
              write_file("/dev/fd/1", "last\n");
              return ::write(STDOUT_FILENO, "after\n", 6) == 6 ? 0 : 1;
            }) == 0);
    REQUIRE(places::read(path) == "before\npage\nagain\nlast\nafter\n");
    REQUIRE(places::status(path).st_ino == inode);
  }
  int pipe[2];
  REQUIRE(::pipe(pipe) == 0);
  REQUIRE(places::in_child([&] {
            ::dup2(pipe[1], STDOUT_FILENO);
            write_file("/dev/stdout", "page");
            return 0;
          }) == 0);
  std::array<char, 5> text{};
  REQUIRE(::read(pipe[0], text.data(), text.size()) == 4);
  REQUIRE(std::string(text.data()) == "page");
  ::close(pipe[0]);
  ::close(pipe[1]);
}

TEST_CASE("what this user may not write is left as it is", "[core][files]") {
  const places::Folder folder;
  const auto path = folder.file("page");
  places::write(path, "old");
  fs::permissions(path, fs::perms(0444));
  fs::permissions(folder.file(""), fs::perms(0777));
  const auto says = [&](const std::string& where, const std::string& reason) {
    return places::as_plain_user([&] {
      try {
        write_file(where, "new");
      } catch (const IoError& error) {
        return error.what() == "cannot write " + where + ": " + reason ? 7 : 8;
      }
      return 0;
    });
  };
  REQUIRE(says(path, "Permission denied") == 7);
  fs::permissions(path, fs::perms(0666));
  fs::permissions(folder.file(""), fs::perms(0555));
  REQUIRE(says(path, "Permission denied") == 7);
  REQUIRE(says(folder.file("other"), "Permission denied") == 7);
  fs::permissions(folder.file(""), fs::perms(0755));
  REQUIRE(places::read(path) == "old");
  REQUIRE(folder.names() == Names{"page"});
}

TEST_CASE("a full disk leaves what was there, and nothing beside it", "[core][files]") {
  const places::Folder folder;
  const auto path = folder.file("page");
  write_file(path, "old");
  {
    const places::SmallDisk small(1000);
    refused(path, "File too large", std::string(5000, 'x'));
    refused(folder.file("other"), "File too large", std::string(5000, 'x'));
    WholeFile dropped(path, FileKind::kOther);
    dropped.append("half");
  }
  REQUIRE(places::read(path) == "old");
  REQUIRE(folder.names() == Names{"page"});
}

TEST_CASE("SIGKILL leaves one content or the other, whole", "[core][files]") {
  const places::Folder folder;
  const auto path = folder.file("page");
  write_file(path, std::string(200000, 'a'));
  std::mt19937 random(7);  // NOLINT(cert-msc32-c,cert-msc51-cpp): the same moments every time
  for (int kill = 0; kill < 50; ++kill) {
    const auto child = ::fork();
    REQUIRE(child >= 0);
    if (child == 0) {
      for (char letter = 'a';; letter = letter == 'a' ? 'b' : 'a') {
        write_file(path, std::string(200000, letter));
      }
    }
    std::this_thread::sleep_for(std::chrono::microseconds(random() % 4000));
    REQUIRE(::kill(child, SIGKILL) == 0);
    REQUIRE(::waitpid(child, nullptr, 0) == child);
    const auto text = places::read(path);
    REQUIRE(text == std::string(200000, text.front()));
  }
  for (const auto& name : folder.names()) {  // at most one from between the two steps that name a file
    REQUIRE((name == "page" || (name.starts_with(".page.") && name.ends_with(".part"))));
  }
}

TEST_CASE("one kind of this library's files is not replaced by another", "[core][files]") {
  const places::Folder folder;
  const auto path = folder.file("x");
  const std::vector<std::pair<std::string, std::string>> kinds = {
      {kRun, "a run file"},
      {"run,stream,step,tokens,time,loss,layer,metric,value\n", "a table of a run"},
      {"{\n \"cluster_limit\": 0,\n \"format\": \"infoplane IB curve\"}", "an IB curve"},
      {"infoplane state\n", "a saved state"},
      {"PK\3\4", "an archive such as a checkpoint"},
      {std::string(21, '\0') + "brain.Event:2", "an event file"},
      {"<!DOCTYPE html>\n", "a page or a figure"},
      {"<svg xmlns", "a page or a figure"}};
  for (const auto& [bytes, name] : kinds) {
    CAPTURE(name);
    places::write(path, bytes);
    refused(path, "it is " + name + ", which would be lost: give another path, or remove it", "text");
    for (const auto& [other, other_name] : kinds) {
      if (other_name != name) {
        refused(path, "it is " + name + ", which would be lost: give another path, or remove it", other);
      }
    }
    REQUIRE(places::read(path) == bytes);
    write_file(path, bytes + " more");
    REQUIRE(places::read(path) == bytes + " more");
    fs::remove(path);
  }
  for (const auto* anything : {"", "notes", "<html>", "PK", "run,stream\n"}) {
    places::write(path, anything);
    write_file(path, kRun);
    fs::remove(path);
  }
}

TEST_CASE("the same file is found by whatever name", "[core][files]") {
  const places::Folder folder;
  const auto path = folder.file("run");
  places::write(path, "x");
  places::write(folder.file("other"), "x");
  fs::create_directory(folder.file("sub"));
  fs::create_symlink("run", folder.file("link"));
  fs::create_symlink("../link", folder.file("sub/link"));
  fs::create_hard_link(path, folder.file("hard"));
  const auto here = fs::current_path();
  fs::current_path(folder.file("sub"));
  for (const auto& name : {path, folder.file("./run"), folder.file("sub/../run"), folder.file("link"),
                           folder.file("sub/link"), folder.file("hard"), std::string("../run"), std::string("link")}) {
    CAPTURE(name);
    REQUIRE(infoplane::written_over(name, {folder.file("other"), path}) == path);
    REQUIRE(infoplane::written_over(path, {folder.file("other"), name}) == name);
    REQUIRE_FALSE(infoplane::written_over(name, {folder.file("other"), folder.file("none")}));
  }
  REQUIRE(infoplane::written_over("new", {folder.file("sub/new")}) == folder.file("sub/new"));
  fs::create_symlink("new", "dangling");
  REQUIRE(infoplane::written_over("dangling", {"./new"}) == "./new");
  REQUIRE_FALSE(infoplane::written_over("new", {"newer", path, ""}));
  REQUIRE_FALSE(infoplane::written_over(path, {}));
  fs::current_path(here);
  REQUIRE_FALSE(infoplane::written_over("/dev/null", {"/dev/null"}));  // not a thing to lose
}
