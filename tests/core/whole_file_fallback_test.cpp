#include <linux/filter.h>
#include <linux/seccomp.h>
#include <sys/prctl.h>
#include <sys/syscall.h>

#include <array>
#include <catch2/catch_test_macros.hpp>
#include <cerrno>
#include <cstddef>
#include <infoplane/core/error.hpp>

#include "core/places.hpp"
#include "core/whole_file.hpp"
#include "needs.hpp"

using infoplane::write_file;

namespace {

/// From now on the process has a file system that makes no files without a name (`open_fails`), or cannot name them
/// later.
bool use_odd_file_system(bool open_fails) {
  constexpr std::uint32_t kNameless = O_TMPFILE & ~O_DIRECTORY;
  constexpr std::uint32_t kError = SECCOMP_RET_ERRNO;
  const auto argument = static_cast<std::uint32_t>(offsetof(seccomp_data, args) + 2 * sizeof(std::uint64_t));
  std::array<sock_filter, 7> filter = {{
      BPF_STMT(BPF_LD | BPF_W | BPF_ABS, offsetof(seccomp_data, nr)),
      BPF_JUMP(BPF_JMP | BPF_JEQ | BPF_K, __NR_linkat, 3, 0),
      BPF_JUMP(BPF_JMP | BPF_JEQ | BPF_K, __NR_openat, 0, 3),
      BPF_STMT(BPF_LD | BPF_W | BPF_ABS, argument),
      BPF_JUMP(BPF_JMP | BPF_JSET | BPF_K, open_fails ? kNameless : 0, 0, 1),
      BPF_STMT(BPF_RET | BPF_K, kError | EOPNOTSUPP),
      BPF_STMT(BPF_RET | BPF_K, SECCOMP_RET_ALLOW),
  }};
  const sock_fprog program{filter.size(), filter.data()};
  return ::prctl(PR_SET_NO_NEW_PRIVS, 1, 0, 0, 0) == 0 && ::prctl(PR_SET_SECCOMP, SECCOMP_MODE_FILTER, &program) == 0;
}

}  // namespace

TEST_CASE("files are replaced whole where none can be without a name", "[core][files][needs:syscall_filter]") {
  for (const bool open_fails : {true, false}) {
    CAPTURE(open_fails);
    const places::Folder folder;
    const auto path = folder.file("page");
    places::write(path, "old");
    std::filesystem::permissions(path, std::filesystem::perms(0640));
    const auto code = places::in_child([&] {
      if (!use_odd_file_system(open_fails)) {
        return 50;
      }
      write_file(path, std::string(100000, 'x'));
      write_file(folder.file("new"), "n");
      {
        infoplane::WholeFile dropped(path, infoplane::FileKind::kOther);
        dropped.append("half");
      }
      const places::SmallDisk small(1000);
      try {
        write_file(path, std::string(5000, 'y'));
      } catch (const infoplane::IoError&) {
        return 7;
      }
      return 1;
    });
    infoplane::test::needs("syscall_filter", code != 50, "system calls cannot be filtered here");
    REQUIRE(code == 7);
    REQUIRE(places::read(path) == std::string(100000, 'x'));
    REQUIRE(places::mode(path) == 0640);
    REQUIRE(places::read(folder.file("new")) == "n");
    REQUIRE(folder.names() == std::vector<std::string>{"new", "page"});
  }
}
