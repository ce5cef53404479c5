// SPDX-License-Identifier: Apache-2.0
//
// StartupReport: the lines on standard error when serving begins: what listens, where it goes, and
// whether the backend answers now. The last two come from a thread, at most a second later; a
// lookup that takes longer delays neither serving nor the end of the process. Main thread.
#pragma once

#include <onehop/url.hpp>

#include "program/backend_probe.hpp"

#include <string>
#include <thread>
#include <vector>

namespace onehop::program {

class StartupReport {
 public:
  StartupReport(const std::vector<std::string>& addresses, const Url& backend);

 private:
  std::jthread prober_;
};

// The texts, each with its line break. Addresses without a scheme are http://.
std::string listening_line(const std::vector<std::string>& addresses);
std::string backend_lines(const Url& backend, const ProbeResult& probe);

}  // namespace onehop::program
