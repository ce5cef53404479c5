// SPDX-License-Identifier: Apache-2.0
//
// Instruments are the logs and the metrics that record every exchange, and the readiness that
// health checks report. The logs must outlive the server.
// Thread: owner.
#pragma once

#include "observe/access_log.hpp"
#include "observe/log.hpp"
#include "observe/observed.hpp"
#include "observe/reload_history.hpp"
#include "observe/request_metrics.hpp"
#include "observe/trace_exporter.hpp"

#include <atomic>
#include <memory>

namespace onehop::program {

struct Instruments {
  observe::Log& log;
  std::shared_ptr<observe::AccessLog> access_log;
  std::shared_ptr<observe::TraceExporter> traces = {};  // null without --trace
  std::shared_ptr<observe::RequestMetrics> metrics = std::make_shared<observe::RequestMetrics>();
  std::shared_ptr<observe::ReloadHistory> reloads =
      std::make_shared<observe::ReloadHistory>("command line");
  std::shared_ptr<std::atomic<observe::Readiness>> readiness =
      std::make_shared<std::atomic<observe::Readiness>>(observe::Readiness::starting);
};

}  // namespace onehop::program
