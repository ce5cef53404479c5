// SPDX-License-Identifier: Apache-2.0
#include "program/serving.hpp"

#include "config/tables.hpp"
#include "program/messages.hpp"
#include "program/startup.hpp"

#include <utility>

namespace onehop::program {

int serve_backend(Service::Setup setup, Signals& signals) {
  const auto arrival = setup.arrival;
  Service service(std::move(setup));
  if (const auto started = service.start(signals); !started) {
    if (arrival) arrival->from.refuse(reason_of(started.error()));
    return report_start_failure(service.log(), started.error());
  }
  warn_of_risks(*service.configuration(), service.server(), service.log());
  const StartupReport report(service.log(), service.urls(), service.server().addresses(),
                             config::named_backends_of(*service.configuration()));
  return service.run(signals);
}

}  // namespace onehop::program
