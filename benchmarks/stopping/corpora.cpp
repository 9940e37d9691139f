#include "corpora.hpp"

#include <algorithm>
#include <filesystem>
#include <fstream>
#include <iterator>

namespace stopping_study {
namespace fs = std::filesystem;
namespace {

train_text::Text load_python() {
  const fs::path root = fs::path(INFOPLANE_DEMO_TEXT_DIR).parent_path();
  std::vector<std::string> files;
  for (const char* folder : {"nn", "optim", "distributed"}) {
    std::error_code missing;
    for (const auto& entry : fs::recursive_directory_iterator(root / folder, missing)) {
      if (entry.path().extension() == ".py") {
        files.push_back(entry.path().native());
      }
    }
  }
  std::sort(files.begin(), files.end());
  train_text::Text text{"Python modules of torch", {}, {}, 256};
  for (std::size_t i = 0; i < files.size(); ++i) {
    std::ifstream in(files[i], std::ios::binary);
    auto& part = i % 10 == 9 ? text.heldout : text.train;
    for (std::istreambuf_iterator<char> byte(in), end; byte != end; ++byte) {
      part.push_back(static_cast<unsigned char>(*byte));
    }
  }
  if (text.train.empty()) {
    throw train_text::TextError("the Python modules of torch are not at " + root.string());
  }
  return text;
}

}  // namespace

train_text::Text load_corpus(const std::string& name) {
  return name == "python" ? load_python() : train_text::load_own_headers();
}

}  // namespace stopping_study
