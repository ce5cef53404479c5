// SPDX-License-Identifier: Apache-2.0
//
// TableMaker makes the configurations of the tables of files: what is at the top, then the settings
// of the upstream, then those of the route itself. It finds what is wrong in a table and between
// tables.
// Thread: owner.
#pragma once

#include "config/configuration.hpp"
#include "config/contradiction.hpp"
#include "config/given.hpp"

#include <map>
#include <memory>
#include <string>
#include <vector>

namespace onehop::config {

class TableMaker {
 public:
  // Makes them from the settings at the top, which have been set. `tables` must outlive this.
  void make(const std::vector<GivenTable>& tables, Configuration& top, Findings& findings);
  // Finds contradictions in the tables, once no value is wrong, and returns those of settings at
  // the top that are about backends. `at_top`: the settings that are given there. Fills in the TLS
  // options of the connections to each backend.
  Contradictions cross_check(Configuration& top,
                             const GivenSettings& at_top,
                             Findings& findings) const;

 private:
  struct Made {
    const GivenTable* given;
    std::shared_ptr<Configuration> configuration;
  };

  void make_upstream(const GivenTable& given, const Configuration& top, Findings& findings);
  void make_route(const GivenTable& given, const Configuration& top, Findings& findings);
  // Sets the values of the upstream that a route names.
  void set_upstream(const GivenTable& given, Configuration& made, Findings& findings) const;
  void check_equal_routes(const Configuration& top, Findings& findings) const;
  void check_unused(Findings& findings) const;

  std::map<std::string, Made> upstreams_;
  std::vector<Made> routes_;
};

}  // namespace onehop::config
