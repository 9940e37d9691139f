#pragma once

#include <chrono>
#include <exception>
#include <functional>
#include <torch/csrc/distributed/c10d/Backend.hpp>
#include <vector>

namespace infoplane::test {

/// Runs `body` on `ranks` threads of this process, each with its own end of one Gloo group over the loopback interface,
/// as a trainer makes it; returns what each threw.
std::vector<std::exception_ptr> try_gloo_threads(int ranks,
                                                 const std::function<void(c10::intrusive_ptr<c10d::Backend>)>& body,
                                                 std::chrono::milliseconds group_timeout = std::chrono::seconds(60));

}  // namespace infoplane::test
