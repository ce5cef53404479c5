// SPDX-License-Identifier: Apache-2.0
#include "observe/request_families.hpp"

#include <string_view>

namespace onehop::observe {
namespace {

using Route = RequestTotals::Route;
using Upstream = RequestTotals::Upstream;
using Address = RequestTotals::Address;

void add_routes(MetricFamilies& families, const RequestTotals& totals, const Buckets& buckets) {
  auto requests = families.counter(
      "onehop_requests_total",
      "Requests that have ended. Code 499: the client left first; 0: nothing was sent.");
  for (const Route& route : totals.routes) {
    for (const RequestTotals::Requests& one : route.requests) {
      requests.add(one.count, {{"route", route.name},
                               {"method", one.method},
                               {"code", one.code},
                               {"protocol", one.protocol}});
    }
  }
  auto durations = families.histogram(
      "onehop_request_duration_seconds",
      "From the first byte of a request to the last byte of its response, without tunnels.");
  for (const Route& route : totals.routes)
    durations.add(route.duration, buckets, {{"route", route.name}});
  auto received = families.counter("onehop_request_body_bytes_total",
                                   "Bytes of request content received from clients.");
  for (const Route& route : totals.routes)
    received.add(route.request_body_bytes, {{"route", route.name}});
  auto sent = families.counter("onehop_response_body_bytes_total",
                               "Bytes of response content sent to clients.");
  for (const Route& route : totals.routes)
    sent.add(route.response_body_bytes, {{"route", route.name}});
}

void add_failures(MetricFamilies& families, const RequestTotals& totals) {
  auto failures =
      families.counter("onehop_request_failures_total",
                       "Requests that failed, by the side at fault, the phase and the reason.");
  for (const RequestTotals::Failures& one : totals.failures) {
    failures.add(one.count, {{"side", one.side}, {"phase", one.phase}, {"reason", one.reason}});
  }
}

std::string_view label_of(const Address& address) {
  return address.address.empty() ? std::string_view("none") : address.address;
}

void add_phases(MetricFamilies& families, const RequestTotals& totals, const Buckets& buckets) {
  auto phases = families.histogram("onehop_request_phase_seconds",
                                   "connect: to make a new connection, without waiting for it; "
                                   "wait: from the request sent to the response's head.");
  for (const Upstream& upstream : totals.upstreams) {
    phases.add(upstream.connect, buckets, {{"phase", "connect"}, {"upstream", upstream.name}});
    phases.add(upstream.wait, buckets, {{"phase", "wait"}, {"upstream", upstream.name}});
  }
}

void add_addresses(MetricFamilies& families, const RequestTotals& totals, const Buckets& buckets) {
  auto requests = families.counter("onehop_upstream_requests_total",
                                   "Requests for an address, by the class of its response.");
  auto responses =
      families.histogram("onehop_upstream_response_seconds",
                         "From the request sent to the head of the response, by address.");
  auto in_flight = families.gauge("onehop_upstream_requests_in_flight",
                                  "Requests and tunnels that have a connection to an address.");
  auto up = families.gauge("onehop_upstream_up",
                           "0 if the last attempt to connect to the backend, or to this address "
                           "alone, has failed and no "
                           "request has had a connection since; else 1.");
  for (const Upstream& upstream : totals.upstreams) {
    for (const Address& one : upstream.addresses) {
      for (std::size_t i = 0; i < kCodeClasses; ++i) {
        if (one.requests[i] == 0) continue;
        requests.add(one.requests[i], {{"upstream", upstream.name},
                                       {"address", label_of(one)},
                                       {"code_class", name_of_code_class(i)}});
      }
      if (one.address.empty()) continue;
      const MetricFamilies::Labels labels = {{"upstream", upstream.name}, {"address", one.address}};
      if (one.count() > 0) responses.add(one.wait, buckets, labels);
      in_flight.add(one.in_flight, labels);
      if (one.health == Overview::Health::up) up.add(1.0, labels);
      if (one.health == Overview::Health::down) up.add(0.0, labels);
    }
  }
}

}  // namespace

void add_request_families(MetricFamilies& families,
                          const RequestTotals& totals,
                          const Buckets& buckets) {
  add_routes(families, totals, buckets);
  add_failures(families, totals);
  add_phases(families, totals, buckets);
  add_addresses(families, totals, buckets);
}

}  // namespace onehop::observe
