// SPDX-License-Identifier: Apache-2.0
//
// Runs a fuzz target over the files and folders on the command line, so that the corpus is an
// ordinary test under any compiler. An empty corpus is an error, because it would prove nothing.
#include "fuzz_one.hpp"

#include <cstddef>
#include <filesystem>
#include <fstream>
#include <iostream>
#include <iterator>
#include <vector>

namespace {

namespace fs = std::filesystem;

bool replay(const fs::path& path) {
  std::ifstream file(path, std::ios::binary);
  const std::vector<char> text{std::istreambuf_iterator<char>(file), {}};
  if (file.bad() || !file.is_open()) {
    std::cerr << path.string() << ": cannot be read\n";
    return false;
  }
  // A copy of exactly the right size lets AddressSanitizer see a read beyond the end.
  const std::vector<char> input(text.begin(), text.end());
  onehop::fuzz::fuzz_one({input.data(), input.size()});
  return true;
}

}  // namespace

int main(int argc, char** argv) {
  std::size_t replayed = 0;
  for (const fs::path& argument : std::vector<fs::path>(argv + 1, argv + argc)) {
    if (!fs::is_directory(argument)) {
      if (!replay(argument)) return 1;
      ++replayed;
      continue;
    }
    for (const auto& entry : fs::recursive_directory_iterator(argument)) {
      if (!entry.is_regular_file()) continue;
      if (!replay(entry.path())) return 1;
      ++replayed;
    }
  }
  if (replayed == 0) {
    std::cerr << "nothing to replay\n";
    return 1;
  }
  std::cout << replayed << " inputs replayed\n";
  return 0;
}
