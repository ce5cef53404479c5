// SPDX-License-Identifier: Apache-2.0
#include "config/word_choice.hpp"

#include "config/pointed_out.hpp"
#include "config/suggestion.hpp"
#include "config/text_list.hpp"

#include <vector>

namespace onehop::config {

std::unexpected<std::string> none_of(std::string_view text, std::string_view placeholder) {
  const std::vector<std::string> words = split_list(placeholder, '|');
  std::string why = in_quotes(text) + " is not one of ";
  for (const std::string& word : words)
    why.append(&word == words.data() ? "" : &word == &words.back() ? " and " : ", ").append(word);
  const std::vector<std::string_view> candidates(words.begin(), words.end());
  if (const auto meant = nearest(text, candidates)) why += did_you_mean(*meant);
  return refused(std::move(why));
}

}  // namespace onehop::config
