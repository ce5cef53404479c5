// SPDX-License-Identifier: Apache-2.0
#include "upstream/health_checks.hpp"

#include <onehop/scope.hpp>

#include "io/reactor.hpp"
#include "transport/transport_access.hpp"
#include "upstream/background_loop.hpp"
#include "upstream/health_probe.hpp"

#include <atomic>
#include <map>
#include <new>
#include <optional>
#include <random>
#include <string>
#include <utility>

namespace onehop::upstream {
namespace {

// How often the list is read to find checks that are due and ejections, which begin a check at
// once.
constexpr Duration kLookInterval = std::chrono::milliseconds(200);
constexpr double kCheckJitter = 0.2;

}  // namespace

// The checks of one group. Runs on the thread of the loop.
class HealthChecks::Job {
 public:
  explicit Job(std::shared_ptr<Group> group)
      : group_(std::move(group)),
        probe_(group_->options().health,
               detail::TransportAccess::options(*group_->options().transport)),
        random_(static_cast<std::minstd_rand::result_type>(group_->id())) {}

  // These are called on the thread of the loop.
  void begin() {
    tasks_.emplace();
    tasks_->spawn(watch());
  }
  void end() noexcept { tasks_.reset(); }

 private:
  // An endpoint between its first check and the first list without it.
  struct Checked {
    std::shared_ptr<Endpoint> endpoint;
    unsigned good = 0, bad = 0;  // in a row
    Time next{};
    Condition condition = Condition::usable;
    bool is_running = false;
  };
  // Marks a check of the endpoint as running. However it ends, another one may follow.
  class Running {
   public:
    explicit Running(Checked& checked) noexcept : checked_(checked) { checked_.is_running = true; }
    Running(const Running&) = delete;
    Running& operator=(const Running&) = delete;
    ~Running() { checked_.is_running = false; }

   private:
    Checked& checked_;
  };

  const Upstream::HealthCheck& options() const noexcept { return group_->options().health; }

  task<void> watch() {
    for (;;) {
      try {
        look();
      } catch (const std::bad_alloc&) {  // there may be memory next time
      }
      co_await sleep_for(kLookInterval);
    }
  }
  // Begins the checks that are due.
  void look() {
    const Time now = io::Reactor::current().now();
    const auto members = group_->members();
    std::map<std::string, std::shared_ptr<Checked>> listed;
    for (const Member& member : *members) {
      const std::string& key = member.endpoint->key;
      const auto found = checked_.find(key);
      listed[key] = found != checked_.end() && found->second->endpoint == member.endpoint
                        ? found->second
                        : std::make_shared<Checked>(Checked{.endpoint = member.endpoint});
    }
    checked_ = std::move(listed);
    for (auto& [key, checked] : checked_) {
      const Condition before = std::exchange(checked->condition, checked->endpoint->condition());
      const bool was_ejected =
          checked->condition == Condition::ejected && before != checked->condition;
      if (checked->is_running || (now < checked->next && !was_ejected)) continue;
      checked->next = io::deadline_after(now, pause());
      tasks_->spawn(check(checked));
    }
  }
  task<void> check(std::shared_ptr<Checked> checked) {
    const Running running(*checked);
    const CheckResult result = co_await probe_.check(*checked->endpoint);
    apply(*checked, result, io::Reactor::current().now());
  }
  Duration pause() {
    std::uniform_real_distribution<double> share(1 - kCheckJitter, 1);
    return std::chrono::duration_cast<Duration>(options().interval * share(random_));
  }
  void apply(Checked& checked, const CheckResult& result, Time now) {
    Endpoint& endpoint = *checked.endpoint;
    auto& count = result.is_good()                     ? endpoint.checks_good_total
                  : result.found == Condition::leaving ? endpoint.checks_draining_total
                                                       : endpoint.checks_failed_total;
    count.fetch_add(1, std::memory_order_relaxed);
    checked.good = result.is_good() ? checked.good + 1 : 0;
    checked.bad = result.found == Condition::down ? checked.bad + 1 : 0;
    // A new endpoint waits for one good check only.
    const unsigned enough = endpoint.condition() == Condition::awaited ? 1 : options().up_after;
    if (result.is_good()) {
      if (checked.good >= enough) group_->on_check(endpoint, Condition::usable, "", now);
    } else if (result.found == Condition::leaving) {
      group_->on_check(endpoint, Condition::leaving, "", now);
    } else if (checked.bad >= options().down_after) {
      group_->on_check(endpoint, Condition::down, result.reason, now);
    }
  }

  const std::shared_ptr<Group> group_;
  const HealthProbe probe_;
  std::minstd_rand random_;
  std::map<std::string, std::shared_ptr<Checked>> checked_;
  std::optional<Scope> tasks_;
};

HealthChecks::HealthChecks(std::shared_ptr<Group> group)
    : loop_(BackgroundLoop::get()), job_(std::make_shared<Job>(std::move(group))) {
  loop_->run([job = job_.get()] { job->begin(); });
}

HealthChecks::~HealthChecks() {
  loop_->run([job = job_.get()] { job->end(); });
}

}  // namespace onehop::upstream
