// LibTorch's release build never marks inputs as valid, so RecordFunction::inputs() asserts in any translation unit
// that is compiled without NDEBUG. This one has it in every build type.
#ifndef NDEBUG
#define NDEBUG
#endif

#include "hooks/operator_observer.hpp"

#include <ATen/record_function.h>

#include "hooks/dispatch.hpp"
#include "hooks/other_threads.hpp"

namespace infoplane::hooks::detail {
namespace {

thread_local constinit Observe current = Observe::kNothing;
thread_local constinit at::CallbackHandle inputs_handle = at::INVALID_CALLBACK_HANDLE;
thread_local constinit at::CallbackHandle results_handle = at::INVALID_CALLBACK_HANDLE;

// No context is made: the end is matched by the address of the running function.
std::unique_ptr<at::ObserverContext> on_start(const at::RecordFunction& function) {
  operator_started(&function, function.name(), function.inputs());
  return nullptr;
}

void on_end(const at::RecordFunction& function, at::ObserverContext* /*context*/) {
  operator_ended(&function, function.outputs());
}

// Exists to ask for results, which cost a little for each operator.
std::unique_ptr<at::ObserverContext> ask_for_results(const at::RecordFunction& /*function*/) { return nullptr; }

std::unique_ptr<at::ObserverContext> on_start_anywhere(const at::RecordFunction& function) {
  operator_started_anywhere(function.name(), function.inputs());
  return nullptr;
}

void remove(at::CallbackHandle& handle) {
  if (handle != at::INVALID_CALLBACK_HANDLE) {
    at::removeCallback(handle);
    handle = at::INVALID_CALLBACK_HANDLE;
  }
}

}  // namespace

void set_observer(Observe wanted) {
  if (wanted == current) {
    return;
  }
  if (wanted == Observe::kNothing) {
    remove(inputs_handle);
  } else if (inputs_handle == at::INVALID_CALLBACK_HANDLE) {
    inputs_handle = at::addThreadLocalCallback(
        at::RecordFunctionCallback(on_start, on_end).needsInputs(true).scopes({at::RecordScope::FUNCTION}));
  }
  if (wanted != Observe::kInputsAndResults) {
    remove(results_handle);
  } else if (results_handle == at::INVALID_CALLBACK_HANDLE) {
    results_handle = at::addThreadLocalCallback(
        at::RecordFunctionCallback(ask_for_results).needsOutputs(true).scopes({at::RecordScope::FUNCTION}));
  }
  current = wanted;
}

void set_observer_of_all_threads(bool wanted) {
  static at::CallbackHandle handle = at::INVALID_CALLBACK_HANDLE;
  if (!wanted) {
    remove(handle);
  } else if (handle == at::INVALID_CALLBACK_HANDLE) {
    handle = at::addGlobalCallback(
        at::RecordFunctionCallback(on_start_anywhere).needsInputs(true).scopes({at::RecordScope::FUNCTION}));
  }
}

Observe current_observer() noexcept { return current; }

bool observers_are_enabled() { return at::isRecordFunctionEnabled(); }

}  // namespace infoplane::hooks::detail
