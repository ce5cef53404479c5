// SPDX-License-Identifier: Apache-2.0
#include "program/edited_responses.hpp"

#include "http/header_lines.hpp"

#include <utility>

namespace onehop::program {

task<Response> EditedResponses::serve(Request request) const {
  const bool is_trusted = trusted_.includes(request.connection().peer);
  const std::vector<config::KnownEdit> edits =
      config::expand_edits(edits_, config::RequestFacts{request, is_trusted});
  const ArenaRef memory = HeaderLines(request.headers()).arena_or_none();  // keeps `record` alive
  const ExchangeRecord* const record = request.record();
  Response response = co_await proxy_->serve(std::move(request));
  if (record == nullptr || !record->failure) config::apply_edits(edits, response.headers());
  co_return response;
}

}  // namespace onehop::program
