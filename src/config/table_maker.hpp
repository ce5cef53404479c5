// SPDX-License-Identifier: Apache-2.0
//
// TableMaker makes a configuration for each table of the files. It starts with the settings at the
// top and overrides them by those of the upstream, then by those of the route. It finds mistakes in
// a table and between tables.
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
  // Makes the configurations of `tables` and adds them to `top`, whose own settings are set
  // already. `tables` must outlive the TableMaker.
  void make(const std::vector<GivenTable>& tables, Configuration& top, Findings& findings);
  // Reports contradictions in the tables as findings, and returns those between settings at the top
  // that are about backends. Called if no value is wrong. `at_top` has the settings that are given
  // at the top. Fills in the TLS options of the connections to each backend.
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
