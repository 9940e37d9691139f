#pragma once

#include <optional>
#include <string>
#include <string_view>
#include <vector>

namespace infoplane {

/// Writes a file whole or not at all, as all outputs of this library that replace a file are written; for pages and
/// figures that were made as text.
///
/// The bytes go to a file beside the one that is replaced, which then takes its name; a killed process leaves what was
/// there. Symbolic links stay and their target is written. The mode of a replaced file is kept, its owner and group
/// where this user may give them; other hard links keep the old content. What is no regular file is never replaced:
/// character devices and this process's own descriptors, such as /dev/stdout, take the bytes directly, and so does a
/// pipe that has a reader. See docs/files.md.
/// @throws IoError saying why: the system's reason; the path is a folder, a socket, a block device or a pipe without a
/// reader; what stands there may not be written, is being written by a sink, or is a run, a table, a checkpoint, a
/// saved state, event file or IB curve of this library while the bytes are something else.
void write_file(const std::string& path, std::string_view bytes);

/// The first of `inputs` that is the same file as `output`, by whatever name: another spelling, a symbolic or a hard
/// link. For programs that must not write over what they read. Character devices, such as a terminal, are never one.
std::optional<std::string> written_over(const std::string& output, const std::vector<std::string>& inputs);

}  // namespace infoplane
