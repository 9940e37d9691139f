#pragma once

namespace infoplane::report {

/// Style and script of the page, without their tags. The script only adds to what is there without it.
extern const char* const kReportStyle;
extern const char* const kReportScript;

}  // namespace infoplane::report
