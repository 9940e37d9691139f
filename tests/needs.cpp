#include "needs.hpp"

#include <algorithm>
#include <catch2/catch_test_case_info.hpp>
#include <catch2/catch_test_macros.hpp>
#include <catch2/reporters/catch_reporter_event_listener.hpp>
#include <catch2/reporters/catch_reporter_registrars.hpp>

namespace infoplane::test {
namespace {

const Catch::TestCaseInfo* running = nullptr;

class Listener final : public Catch::EventListenerBase {
 public:
  using EventListenerBase::EventListenerBase;
  void testCaseStarting(const Catch::TestCaseInfo& info) override { running = &info; }
};

CATCH_REGISTER_LISTENER(Listener)

}  // namespace

void needs(const std::string& what, bool there, const std::string& reason) {
  const auto tag = "needs:" + what;
  const bool declared = std::any_of(running->tags.begin(), running->tags.end(),
                                    [&](const Catch::Tag& each) { return each.original == Catch::StringRef(tag); });
  if (!declared) {
    FAIL("a case that can be skipped for want of " << what << " carries the tag [" << tag << "]");
  }
  if (!there) {
    SKIP(reason);
  }
}

}  // namespace infoplane::test
