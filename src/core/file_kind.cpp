#include "core/file_kind.hpp"

namespace infoplane {

FileKind kind_of(std::string_view first_bytes) noexcept {
  using namespace std::string_view_literals;
  const auto starts = [&](std::string_view with) { return first_bytes.starts_with(with); };
  const auto has = [&](std::string_view what) { return first_bytes.find(what) != std::string_view::npos; };
  if (starts("<!DOCTYPE html>") || starts("<svg ")) {
    return FileKind::kDrawing;
  }
  if (starts(R"({"schema":"infoplane.run")")) {
    return FileKind::kRun;
  }
  if (starts("run,stream,step,tokens,time,loss,layer,metric,value\n")) {
    return FileKind::kTable;
  }
  if (starts("{") && has(R"("infoplane IB curve")")) {
    return FileKind::kCurve;
  }
  if (starts("infoplane state\n")) {
    return FileKind::kState;
  }
  if (starts("PK\3\4"sv)) {
    return FileKind::kArchive;
  }
  return has("brain.Event:2") ? FileKind::kEvents : FileKind::kOther;
}

const char* name_of(FileKind kind) noexcept {
  switch (kind) {
    case FileKind::kDrawing:
      return "a page or a figure";
    case FileKind::kRun:
      return "a run file";
    case FileKind::kTable:
      return "a table of a run";
    case FileKind::kCurve:
      return "an IB curve";
    case FileKind::kState:
      return "a saved state";
    case FileKind::kArchive:
      return "an archive such as a checkpoint";
    case FileKind::kEvents:
      return "an event file";
    case FileKind::kOther:
      break;
  }
  return "another file";
}

}  // namespace infoplane
