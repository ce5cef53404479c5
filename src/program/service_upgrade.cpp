// SPDX-License-Identifier: Apache-2.0
//
// The part of Service for upgrades: it takes the place of another process, and leaves its own to
// the next.
#include "net/tcp_listener.hpp"
#include "observe/metrics_page.hpp"
#include "program/messages.hpp"
#include "program/service.hpp"

#include <algorithm>
#include <chrono>
#include <cstddef>
#include <iterator>
#include <string>
#include <utility>

#include <fcntl.h>
#include <sys/stat.h>

namespace onehop::program {
namespace {

bool is_same_socket(int one, int other) {
  struct stat first{};
  struct stat second{};
  return ::fstat(one, &first) == 0 && ::fstat(other, &second) == 0 &&
         first.st_ino == second.st_ino && first.st_dev == second.st_dev;
}

std::string in_mebibytes(std::size_t bytes) {
  return std::to_string(bytes >> 20) + " MiB";
}

}  // namespace

std::span<const HandedSocket> Service::handed_sockets() const {
  if (!setup_.arrival) return {};
  return setup_.arrival->handover.sockets;
}

Result<void> Service::take_over() {
  if (!setup_.arrival) return {};
  if (auto taken = setup_.arrival->from.take_over(); !taken) return taken;
  Handover& handover = setup_.arrival->handover;
  for (ProcessChannel& channel : handover.draining)
    draining_.add(std::move(channel));
  handover.draining.clear();
  if (const auto counts = observe::MetricCounts::parse(handover.counts))
    draining_.add_counts(*counts);
  take_socket_files();
  return {};
}

void Service::report_arrival() {
  if (!setup_.arrival) return;
  draining_.add(setup_.arrival->from.serve());
  log_.announce("this process has taken over, as generation " + std::to_string(generation_));
}

// Makes this process the owner of the socket files. Closes the sockets that no listener uses, so
// that their clients are refused from here on.
void Service::take_socket_files() {
  server_->take_socket_files();
  admin_->take_socket_files();
  std::vector<HandedSocket> used = program::handed_sockets(*server_, HandedSocket::Use::service);
  std::ranges::move(admin_->sockets(), std::back_inserter(used));
  for (const HandedSocket& one : handed_sockets()) {
    const auto is_same = [&one](const HandedSocket& other) {
      return is_same_socket(one.socket.get(), other.socket.get());
    };
    if (std::ranges::any_of(used, is_same)) continue;
    auto unused = net::TcpListener::adopt(one.socket.get(), net::TcpListener::FileOwner::giver);
    if (unused) unused->take_socket_file();
  }
  setup_.arrival->handover.sockets.clear();
}

Service::Outcome Service::upgrade(const std::string& trigger) {
  start_.wait(Start::going_on);
  const std::lock_guard lock(changing_);
  Outcome outcome{.done = false, .summary = "not upgraded, and nothing has changed: "};
  if (start_ == Start::failed) {
    outcome.summary += "onehop could not start";
  } else if (stopping_->has_begun()) {
    outcome.summary += "onehop is stopping";
  } else if (!setup_.invocation) {
    outcome.summary += "a demo cannot be upgraded: stop it and start the new program";
  } else {
    log_.announce(trigger + ": starting " + setup_.invocation->program +
                  " to replace this process");
    outcome = upgrade_->run();
    if (!outcome.done) draining_.keep();
  }
  for (const std::string& finding : outcome.findings)
    log_.announce(finding, LogLevel::error);
  log_.announce(trigger + ": " + outcome.summary, outcome.done ? LogLevel::info : LogLevel::error);
  return outcome;
}

Handover Service::handover() {
  Handover handover{.generation = generation_ + 1, .ticket_keys = server_->ticket_keys()};
  for (const InheritedSocket& one : setup_.manager.sockets) {
    handover.sockets.push_back(
        {.name = one.name,
         .socket = io::FileDescriptor(::fcntl(one.descriptor, F_DUPFD_CLOEXEC, 0))});
  }
  for (HandedSocket& one : program::handed_sockets(*server_, HandedSocket::Use::service)) {
    const bool is_named =
        std::ranges::any_of(setup_.manager.sockets, [&one](const InheritedSocket& inherited) {
          return is_same_socket(inherited.descriptor, one.socket.get());
        });
    if (!is_named) handover.sockets.push_back(std::move(one));
  }
  std::ranges::move(admin_->sockets(), std::back_inserter(handover.sockets));
  auto [channels, counts] = draining_.hand_over();
  handover.draining = std::move(channels);
  if (!counts.all().empty()) handover.counts = counts.text();
  return handover;
}

void Service::prepare_to_leave() {
  successor_.reset();
  successor_.emplace(Successor::Duties{.close_admin = [this] { admin_.reset(); },
                                       .obey = [this](Order order) { return obey(order); }});
}

// Reloads do not run meanwhile, so this thread may use the watches and the upstreams. Watches,
// checks, commands and scrapes belong to the process that serves, so they end here.
bool Service::leave(ProcessChannel channel) {
  if (stopping_->has_begun()) return false;
  own_counts_ = own_counts();     // before the workers, which hold counts, end
  server_->leave_socket_files();  // before the workers may close them
  admin_->leave_socket_files();
  if (!stopping_->hand_over()) return false;
  certificates_.end();
  draining_.leave();
  watch_.reset();
  backend_watch_.reset();
  transports_.end_checks();
  make_room_in_memory();
  successor_->begin(std::move(channel));
  return true;
}

void Service::make_room_in_memory() {
  if (configuration()->server.max_memory.is_none()) return;
  const ServerMetrics now = server_->metrics();
  server_->lower_max_memory(std::max(now.memory_limit / 2, now.memory_held + now.memory_held / 8));
  log_.write(LogLevel::info, "memory limit lowered from " + in_mebibytes(now.memory_limit) +
                                 " to " + in_mebibytes(server_->metrics().memory_limit) +
                                 " while this process drains");
}

// Excludes the counts of earlier processes, which the next process has or asks for itself.
observe::MetricCounts Service::own_counts() const {
  observe::Observed own = observed();
  own.generations = {};
  return observe::collect_metrics(own).counts();
}

std::optional<Progress> Service::obey(Order order) {
  switch (order) {
    case Order::stop:
      log_.announce("stopping at the request of the process that took over");
      stopping_->hurry();
      break;
    case Order::reopen:
      access_logs_.reopen();
      break;
    case Order::report: {
      Progress progress{.requests = server_->requests(), .connections = server_->connections()};
      if (const auto end = stopping_->ends_at()) {
        progress.left = std::max(
            std::chrono::milliseconds(0),
            std::chrono::ceil<std::chrono::milliseconds>(*end - std::chrono::system_clock::now()));
      }
      own_counts_.follow(own_counts());
      progress.counts = own_counts_.text();
      return progress;
    }
  }
  return std::nullopt;
}

}  // namespace onehop::program
