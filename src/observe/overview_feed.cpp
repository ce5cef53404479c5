// SPDX-License-Identifier: Apache-2.0
#include "observe/overview_feed.hpp"

#include <onehop/body.hpp>
#include <onehop/event.hpp>
#include <onehop/offload.hpp>
#include <onehop/worker_ref.hpp>

#include "observe/dashboard_page.hpp"
#include "observe/overview_history.hpp"
#include "observe/overview_text.hpp"

#include <array>
#include <cstdint>
#include <mutex>
#include <new>
#include <optional>
#include <string>
#include <string_view>
#include <utility>

namespace onehop::observe {
namespace {

using Clock = std::chrono::steady_clock;

// /status and "/" reuse an overview up to this age, however often clients request them.
constexpr std::chrono::milliseconds kFresh{100};

std::string event_text(std::string_view data) {
  return "data: " + std::string(data) + "\n\n";
}

bool wants_html(const Request& request) {
  return request.headers().get_or_empty("Accept").find("text/html") != std::string_view::npos;
}

Queries queries_for(const Request& request) {
  return AdminRules::asks_for_queries(request) ? Queries::shown : Queries::hidden;
}

// Returns a response with the content; 503 without content, after end().
Response with_type(std::optional<std::string> content, std::string_view type) {
  if (!content) return Response(Status::service_unavailable, "This process is ending.\n");
  Response response(Status::ok, std::move(*content));
  response.headers().set("Content-Type", type);
  return response;
}

}  // namespace

struct OverviewFeed::State {
  explicit State(std::function<Overview()> from) : collect(std::move(from)) {}

  // Returns the number of whole seconds since `began`.
  std::int64_t second() const { return (Clock::now() - began) / kInterval; }
  Clock::duration until_next_second() const {
    return began + (second() + 1) * kInterval - Clock::now();
  }

  // These block while `collect` runs. fresh_overview() returns null, and text() std::nullopt, after
  // the end.
  std::shared_ptr<const Overview> fresh_overview();  // null after the end
  template <class Make>
  std::optional<std::string> text(Make make) {
    const auto fresh = fresh_overview();
    return fresh ? std::optional<std::string>(make(*fresh)) : std::nullopt;
  }
  // Returns the event of this second; "" after the end. The first event of a viewer includes the
  // history.
  std::string next_event(bool is_first, Queries queries);
  // Wakes the viewers. The caller must not hold the mutex.
  void wake_viewers() noexcept;

  // A viewer, which waits on its worker for the next second or for `ending`.
  struct Viewer {
    WorkerRef worker;
    std::weak_ptr<Event> ending;
  };

  const Clock::time_point began = Clock::now();

  mutable std::mutex mutex;
  std::function<Overview()> collect;  // empty once the feed is destroyed
  std::vector<Viewer> viewers;
  Clock::time_point collected{};
  std::shared_ptr<const Overview> overview;
  std::int64_t event_second = -1;
  std::array<std::string, 2> events;  // by Queries; made on demand
  OverviewHistory history;

 private:
  void renew() {
    overview = std::make_shared<const Overview>(collect());
    collected = Clock::now();
  }
};

std::shared_ptr<const Overview> OverviewFeed::State::fresh_overview() {
  const std::lock_guard lock(mutex);
  if (!collect) return nullptr;
  if (!overview || Clock::now() - collected > kFresh) renew();
  return overview;
}

std::string OverviewFeed::State::next_event(bool is_first, Queries queries) {
  const std::lock_guard lock(mutex);
  if (!collect) return {};
  std::string before;
  if (is_first) before = "retry: 2000\nevent: history\n" + event_text(history.json());
  if (const std::int64_t now = second(); event_second != now) {
    renew();
    history.add(*overview);
    events = {};
    event_second = now;  // last, since the steps before it may throw
  }
  std::string& event = events[static_cast<std::size_t>(queries)];
  if (event.empty()) event = event_text(overview_json(*overview, queries));
  return before + event;
}

void OverviewFeed::State::wake_viewers() noexcept {
  const std::lock_guard lock(mutex);
  for (const Viewer& viewer : viewers) {
    try {
      viewer.worker.post([ending = viewer.ending] {
        if (const auto event = ending.lock()) event->set();
      });
    } catch (const std::bad_alloc&) {  // the viewer checks within a second
    }
  }
}

// The events of one viewer. A slow viewer misses some.
class OverviewFeed::Events final : public BodySource {
 public:
  Events(std::shared_ptr<State> state, Queries queries)
      : state_(std::move(state)), queries_(queries) {}
  ~Events() override {
    const std::lock_guard lock(state_->mutex);
    std::erase_if(state_->viewers, [this](const State::Viewer& one) {
      return !one.ending.owner_before(ending_) && !ending_.owner_before(one.ending);
    });
    if (!state_->viewers.empty()) return;
    state_->overview.reset();
    state_->events = {};
    state_->event_second = -1;
  }

  // Adds the viewer to State::viewers, from which the destructor removes it. Returns false if there
  // are kMaxViewers.
  bool add_viewer() {
    const std::lock_guard lock(state_->mutex);
    if (state_->viewers.size() == kMaxViewers) return false;
    state_->viewers.push_back({.worker = current_worker(), .ending = ending_});
    return true;
  }

  task<Result<bytes>> read() override {
    const bool is_first = !has_begun_;
    has_begun_ = true;
    if (!is_first) {
      const bool has_ended = co_await ending_->wait_for(state_->until_next_second());
      if (has_ended) co_return bytes();
    }
    auto making = offload([state = state_, is_first, queries = queries_] {
      return state->next_event(is_first, queries);
    });
    piece_ = co_await std::move(making);
    co_return bytes(piece_);
  }

 private:
  const std::shared_ptr<State> state_;
  const std::shared_ptr<Event> ending_ = std::make_shared<Event>();
  const Queries queries_;
  bool has_begun_ = false;
  std::string piece_;
};

OverviewFeed::OverviewFeed(std::function<Overview()> collect)
    : state_(std::make_shared<State>(std::move(collect))) {}

OverviewFeed::~OverviewFeed() {
  end();
}

void OverviewFeed::end() noexcept {
  {
    const std::lock_guard lock(state_->mutex);
    state_->collect = nullptr;
  }
  state_->wake_viewers();
}

std::size_t OverviewFeed::viewers() const {
  const std::lock_guard lock(state_->mutex);
  return state_->viewers.size();
}

task<Response> OverviewFeed::serve_dashboard(std::shared_ptr<State> state, Request request) {
  const bool is_html = wants_html(request);
  auto making = offload([state = std::move(state), is_html] {
    return state->text([is_html](const Overview& overview) {
      return is_html ? dashboard_page(overview) : overview_text(overview);
    });
  });
  std::optional<std::string> content = co_await std::move(making);
  Response response = with_type(std::move(content),
                                is_html ? "text/html; charset=utf-8" : "text/plain; charset=utf-8");
  response.headers().set("Vary", "Accept");
  response.headers().set("Content-Security-Policy", dashboard_policy());
  response.headers().set("Referrer-Policy", "no-referrer");
  response.headers().set("Cross-Origin-Opener-Policy", "same-origin");
  co_return response;
}

task<Response> OverviewFeed::serve_status(std::shared_ptr<State> state, Queries queries) {
  auto making = offload([state = std::move(state), queries] {
    return state->text(
        [queries](const Overview& overview) { return overview_json(overview, queries) + "\n"; });
  });
  std::optional<std::string> content = co_await std::move(making);
  co_return with_type(std::move(content), "application/json");
}

task<Response> OverviewFeed::serve_requests(std::shared_ptr<State> state) {
  auto making = offload([state = std::move(state)] { return state->text(&requests_text); });
  std::optional<std::string> content = co_await std::move(making);
  co_return with_type(std::move(content), "text/plain; charset=utf-8");
}

Response OverviewFeed::serve_events(const std::shared_ptr<State>& state, Queries queries) {
  auto events = std::make_unique<Events>(state, queries);
  if (!events->add_viewer()) {
    Response refusal(Status::service_unavailable,
                     std::to_string(kMaxViewers) +
                         " pages show live figures of this proxy already, which is the maximum. "
                         "Close one of them.\n");
    refusal.headers().set("Retry-After", "10");
    return refusal;
  }
  Response response(Status::ok);
  response.headers().set("Content-Type", "text/event-stream");
  response.set_body(Body::from(std::move(events)));
  return response;
}

std::vector<AdminPage> OverviewFeed::pages() const {
  const auto page = [](std::string path, std::function<task<Response>(Request)> serve) {
    return AdminPage{
        .path = std::move(path), .access = AdminAccess::read, .serve = std::move(serve)};
  };
  return {page("/", [state = state_](
                        Request request) { return serve_dashboard(state, std::move(request)); }),
          page("/status",
               [state = state_](const Request& request) {
                 return serve_status(state, queries_for(request));
               }),
          page("/requests", [state = state_](const Request&) { return serve_requests(state); }),
          response_page("/events", [state = state_](const Request& request) {
            return serve_events(state, queries_for(request));
          })};
}

}  // namespace onehop::observe
