// SPDX-License-Identifier: Apache-2.0
//
// Mutates scripts: inserts, removes, repeats, swaps and copies whole actions, and lets libFuzzer
// mutate the data of one action. Linked with libFuzzer only.

#include "mutation.hpp"
#include "script.hpp"

#include <string>
#include <vector>

namespace {

using namespace onehop::fuzz;  // NOLINT(google-build-using-namespace)

constexpr std::size_t kLargestData = 255;
constexpr std::size_t kPrefix = 4;  // the options before the actions

struct Line {
  std::uint8_t kind = 0;
  std::uint8_t choice = 0;
  std::string data;
};

struct Lines {
  std::string options;
  std::vector<Line> all;
};

Lines read(const std::uint8_t* data, std::size_t size) {
  const std::string_view text(reinterpret_cast<const char*>(data), size);
  Lines lines;
  lines.options = text.substr(0, kPrefix);
  lines.options.resize(kPrefix);
  Script script(text.substr(std::min(kPrefix, text.size())));
  while (const auto action = script.next())
    lines.all.push_back({action->kind, action->choice, std::string(action->data)});
  return lines;
}

std::size_t write(const Lines& lines, std::uint8_t* data, std::size_t max_size) {
  std::string text = lines.options;
  for (const Line& line : lines.all) {
    if (text.size() + Script::kHeader + line.data.size() > max_size) break;
    text += static_cast<char>(line.kind);
    text += static_cast<char>(line.choice);
    text += static_cast<char>(line.data.size());
    text += line.data;
  }
  const std::size_t size = std::min(text.size(), max_size);
  std::copy_n(text.begin(), size, data);
  return size;
}

Line new_line(Random& random) {
  Line line;
  line.kind = static_cast<std::uint8_t>(random());
  line.choice = static_cast<std::uint8_t>(random());
  line.data.resize(4 + below(random, 4));
  for (char& c : line.data)
    c = static_cast<char>(random());
  return line;
}

void mutate_lines(Lines& lines, Random& random) {
  auto& all = lines.all;
  switch (all.empty() ? 0 : random() % 10) {
    case 0:
    case 1:
      insert(all, random, new_line(random));
      break;
    case 2:
    case 3:
    case 4:
      move_about(all, random);
      break;
    case 5:
      any_of(all, random).kind = static_cast<std::uint8_t>(random());
      break;
    case 6:
      any_of(all, random).choice = static_cast<std::uint8_t>(random());
      break;
    case 7:
      lines.options[below(random, kPrefix)] ^= static_cast<char>(1U << (random() % 8));
      break;
    default:
      mutate_text(any_of(all, random).data, kLargestData);
  }
}

}  // namespace

// NOLINTNEXTLINE(readability-identifier-naming): the name is libFuzzer's
extern "C" std::size_t LLVMFuzzerCustomMutator(std::uint8_t* data,
                                               std::size_t size,
                                               std::size_t max_size,
                                               unsigned seed) {
  Random random(seed);
  Lines lines = read(data, size);
  for (std::size_t n = 1 + below(random, 3); n > 0; --n)
    mutate_lines(lines, random);
  return write(lines, data, max_size);
}

// NOLINTNEXTLINE(readability-identifier-naming): the name is libFuzzer's
extern "C" std::size_t LLVMFuzzerCustomCrossOver(const std::uint8_t* data1,
                                                 std::size_t size1,
                                                 const std::uint8_t* data2,
                                                 std::size_t size2,
                                                 std::uint8_t* out,
                                                 std::size_t max_size,
                                                 unsigned seed) {
  Random random(seed);
  Lines one = read(data1, size1);
  const Lines two = read(data2, size2);
  const auto cut = static_cast<std::ptrdiff_t>(below(random, one.all.size() + 1));
  const auto from = static_cast<std::ptrdiff_t>(below(random, two.all.size() + 1));
  if (random() % 2 == 0) {
    one.all.resize(static_cast<std::size_t>(cut));
    one.all.insert(one.all.end(), two.all.begin() + from, two.all.end());
  } else {
    one.all.insert(one.all.begin() + cut, two.all.begin() + from, two.all.end());
  }
  return write(one, out, max_size);
}
