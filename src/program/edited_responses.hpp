// SPDX-License-Identifier: Apache-2.0
//
// EditedResponses is a Handler around the proxy that applies --header-down edits with placeholders,
// whose values come from the request. It edits the backend's responses, not the proxy's own errors.
// Thread: any.
#pragma once

#include <onehop/handler.hpp>

#include "config/field_edit.hpp"
#include "http/trusted_peers.hpp"

#include <memory>
#include <string>
#include <vector>

namespace onehop::program {

class EditedResponses final : public Handler {
 public:
  EditedResponses(std::shared_ptr<const Handler> proxy,
                  std::vector<config::FieldEdit> edits,
                  const std::vector<std::string>& trust)
      : proxy_(std::move(proxy)), edits_(std::move(edits)), trusted_(trust) {}

  task<Response> serve(Request request) const override;

 private:
  std::shared_ptr<const Handler> proxy_;
  std::vector<config::FieldEdit> edits_;
  TrustedPeers trusted_;
};

}  // namespace onehop::program
