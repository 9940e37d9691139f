#pragma once

#include "callbacks/archive_file.hpp"

namespace infoplane::callbacks {

/// Looks into an archive before LibTorch loads it. LibTorch's loader is for files that are trusted: it compiles what is
/// in code/, runs a `__setstate__` that it finds there, and believes every size and place in the pickle.
/// @throws IoError, with the reason alone, unless the archive holds what OutputArchive writes and nothing else: classes
/// of attributes without a function, and a pickle of data (see check_pickle).
void require_data_only(const ArchiveFile& file);

}  // namespace infoplane::callbacks
