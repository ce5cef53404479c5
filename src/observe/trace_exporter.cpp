// SPDX-License-Identifier: Apache-2.0
#include "observe/trace_exporter.hpp"

#include <onehop/library_version.hpp>
#include <onehop/request.hpp>
#include <onehop/response.hpp>

#include "io/random_bytes.hpp"
#include "io/reactor.hpp"
#include "observe/trace_spans.hpp"

#include <algorithm>
#include <array>
#include <atomic>
#include <charconv>
#include <condition_variable>
#include <deque>
#include <exception>
#include <mutex>
#include <new>
#include <optional>
#include <string>
#include <thread>
#include <utility>

#include <nlohmann/json.hpp>

#include <pthread.h>

namespace onehop::observe {
namespace {

using Clock = std::chrono::steady_clock;

constexpr std::size_t kMaxResponse = 64UL * 1024;
// How often a request in progress checks whether the time is over.
constexpr std::chrono::milliseconds kLook(50);
// The minimum time between two messages about spans that found no room.
constexpr std::chrono::seconds kBetweenReports(10);

// The spans of one exchange.
struct Queued {
  std::string json;
  std::size_t spans = 0;
};

// The result of sending a batch.
struct Verdict {
  bool accepted = false;
  bool may_repeat = false;
  std::optional<Clock::duration> wait = {};
  std::uint64_t rejected = 0;  // spans that the collector has refused in an accepted batch
  std::string problem = {};
};

std::string random_uuid() {
  std::array<char, 32> digits{};
  io::fill_with_random_digits(digits);
  digits[12] = '4';  // version and variant of a random UUID (RFC 9562 §5.4)
  digits[16] = '8';
  std::string text;
  for (std::size_t i = 0; i < digits.size(); ++i) {
    if (i == 8 || i == 12 || i == 16 || i == 20) text += '-';
    text += digits[i];
  }
  return text;
}

// Returns the wait that Retry-After has in seconds; std::nullopt for a date.
std::optional<Clock::duration> retry_after(const Headers& headers) {
  const std::string_view text = headers.get_or_empty("Retry-After");
  unsigned seconds = 0;
  const auto [end, error] = std::from_chars(text.data(), text.data() + text.size(), seconds);
  if (text.empty() || error != std::errc() || end != text.data() + text.size()) return std::nullopt;
  return std::chrono::seconds(seconds);
}

// Reads an ExportTracePartialSuccess. JSON may have its 64-bit number as a string.
void read_partial_success(std::string_view body, Verdict& verdict) {
  const auto json = nlohmann::json::parse(body, nullptr, false);
  if (!json.is_object() || !json.contains("partialSuccess")) return;
  const auto& partial = json["partialSuccess"];
  if (!partial.is_object()) return;
  if (const auto count = partial.find("rejectedSpans"); count != partial.end()) {
    if (count->is_number_unsigned()) verdict.rejected = count->get<std::uint64_t>();
    if (count->is_string()) {
      const auto& text = count->get_ref<const std::string&>();
      std::from_chars(text.data(), text.data() + text.size(), verdict.rejected);
    }
  }
  const auto message = partial.find("errorMessage");
  if (message != partial.end() && message->is_string())
    verdict.problem = message->get<std::string>();
}

// Returns the URL without user, password and query.
std::string without_secrets(const Url& url) {
  const std::string_view authority = url.authority();
  const std::size_t at = authority.rfind('@');
  std::string text(url.scheme());
  text.append("://").append(at == authority.npos ? authority : authority.substr(at + 1));
  return text.append(url.path());
}

// Cuts a text for a log line.
std::string shortened(std::string text) {
  constexpr std::size_t kMaxText = 200;
  if (text.size() > kMaxText) text.resize(kMaxText);
  return text;
}

}  // namespace

// Owns the thread, which finish() joins.
class TraceExporter::Sender {
 public:
  explicit Sender(Options options)
      : options_(std::move(options)),
        shown_(without_secrets(options_.collector)),
        resource_(resource_attributes(random_uuid())),
        transport_({.tls = options_.tls, .connect_timeout = options_.timeout, .pool_size = 0}) {}

  Result<void> prepare() const {
    if (options_.collector.scheme() != "https") return {};
    return transport_.prepare_tls();
  }
  void start() { thread_ = std::thread(&Sender::run, this); }
  // Reports whether add() would accept `spans` more spans at this moment.
  bool has_room(std::size_t spans);
  // Reports whether a failed exchange that was not sampled may be exported at `now`, and counts it.
  bool may_take_unsampled(Time now);
  void add(Queued queued);
  void drop(std::uint64_t spans) noexcept { dropped_ += spans; }
  void finish() noexcept;
  Statistics statistics() const noexcept { return {.exported = exported_, .dropped = dropped_}; }

 private:
  void run();
  void take_into(Queued& batch);
  void send(Queued& batch);
  Verdict post(io::Reactor& reactor, const std::string& body);
  task<void> exchange(Request request, Verdict* verdict) const;
  bool wait_before_retry(const Verdict& verdict);
  void settle(Queued& batch, const Verdict& verdict);
  void report_drops(std::string_view when, std::string_view why);
  bool is_over() const noexcept {
    return ending_ && Clock::now() >= last_moment_.load(std::memory_order_acquire);
  }

  const Options options_;
  const std::string shown_;  // the collector's URL for messages
  const std::string resource_;
  const Transport transport_;
  // The current second, and the number of exchanges in it that were not sampled.
  std::atomic<std::int64_t> unsampled_second_ = -1;
  std::atomic<std::size_t> unsampled_ = 0;
  std::atomic<std::uint64_t> exported_ = 0;
  std::atomic<std::uint64_t> dropped_ = 0;
  std::atomic<bool> ending_ = false;  // set under the mutex
  std::atomic<Clock::time_point> last_moment_{Clock::time_point::max()};
  // Used only by the exporter's thread.
  bool is_failing_ = false;
  std::uint64_t dropped_before_ = 0;      // dropped spans that a message has reported
  Clock::time_point may_report_drops_{};  // the earliest time of the next message

  std::mutex mutex_;
  std::condition_variable changed_;
  // Guarded by mutex_.
  std::deque<Queued> queue_;
  std::size_t spans_ = 0;
  std::size_t size_ = 0;  // bytes
  std::thread thread_;
};

bool TraceExporter::Sender::has_room(std::size_t spans) {
  const std::scoped_lock lock(mutex_);
  return !ending_ && spans_ + spans <= kMaxSpans && size_ < kMaxBytes;
}

// The limit is approximate: two threads may both reset the count of a second.
bool TraceExporter::Sender::may_take_unsampled(Time now) {
  const std::int64_t second =
      std::chrono::floor<std::chrono::seconds>(now.time_since_epoch()).count();
  if (unsampled_second_.exchange(second, std::memory_order_relaxed) != second) {
    unsampled_.store(0, std::memory_order_relaxed);
  }
  return unsampled_.fetch_add(1, std::memory_order_relaxed) < kMaxUnsampled;
}

void TraceExporter::Sender::add(Queued queued) {
  bool is_worth_sending = false;
  {
    const std::scoped_lock lock(mutex_);
    if (ending_ || spans_ + queued.spans > kMaxSpans || size_ + queued.json.size() > kMaxBytes) {
      return drop(queued.spans);
    }
    is_worth_sending = queue_.empty() || spans_ + queued.spans >= kBatch;
    spans_ += queued.spans;
    size_ += queued.json.size();
    queue_.push_back(std::move(queued));
  }
  if (is_worth_sending) changed_.notify_one();
}

void TraceExporter::Sender::finish() noexcept {
  {
    const std::scoped_lock lock(mutex_);
    if (ending_) return;
    last_moment_ = Clock::now() + options_.last_timeout;
    ending_ = true;
  }
  changed_.notify_one();
  thread_.join();
}

void TraceExporter::Sender::run() {
  ::pthread_setname_np(::pthread_self(), "traces");
  for (;;) {
    {
      std::unique_lock lock(mutex_);
      changed_.wait(lock, [this] { return !queue_.empty() || ending_; });
      changed_.wait_for(lock, options_.pause, [this] { return spans_ >= kBatch || ending_; });
      if (queue_.empty()) break;
    }
    Queued batch;
    try {
      take_into(batch);
      send(batch);
    } catch (...) {  // no memory
      drop(batch.spans);
    }
  }
  try {
    if (dropped_ != dropped_before_) {
      report_drops("the export of traces to " + shown_ + " has ended; ", "");
    }
  } catch (...) {  // no memory
  }
}

void TraceExporter::Sender::take_into(Queued& batch) {
  const std::scoped_lock lock(mutex_);
  while (!queue_.empty() && (batch.spans == 0 || batch.spans + queue_.front().spans <= kBatch)) {
    const Queued one = std::move(queue_.front());
    queue_.pop_front();
    size_ -= one.json.size();
    spans_ -= one.spans;
    batch.spans += one.spans;
    if (!batch.json.empty()) batch.json += ',';
    batch.json += one.json;
  }
}

void TraceExporter::Sender::send(Queued& batch) {
  if (is_over()) return drop(batch.spans);
  Verdict verdict;
  try {
    const std::string body = export_request(resource_, batch.json);
    io::Reactor reactor;
    const io::Reactor::Enter enter(reactor);
    verdict = post(reactor, body);
    if (!verdict.accepted && verdict.may_repeat && wait_before_retry(verdict)) {
      reactor.refresh_time();
      verdict = post(reactor, body);
    }
  } catch (const std::exception& error) {
    verdict = {.problem = error.what()};
  }
  settle(batch, verdict);
}

// Sends one request. At the end of the process, destroys the task before the request has ended.
Verdict TraceExporter::Sender::post(io::Reactor& reactor, const std::string& body) {
  Request request(Method::post, options_.collector);
  request.headers().set("Host", options_.collector.authority());
  request.headers().set("Content-Type", "application/json");
  request.headers().set("User-Agent", "onehop/" + std::string(library_version()));
  request.set_body(Body::of(body));
  request.set_deadline(reactor.now() + options_.timeout);
  Verdict verdict;
  task<void> work = exchange(std::move(request), &verdict);
  work.start();
  while (!work.done()) {
    if (is_over()) return {.problem = "the process has ended"};
    reactor.run_once(kLook);
  }
  work.take();
  return verdict;
}

task<void> TraceExporter::Sender::exchange(Request request, Verdict* verdict) const {
  Result<Response> response = co_await transport_.round_trip(std::move(request));
  if (!response) {
    verdict->may_repeat = true;
    verdict->problem = response.error().to_string();
    co_return;
  }
  const int code = response->status().code();
  verdict->accepted = code >= 200 && code < 300;
  verdict->may_repeat = code == 429 || code == 502 || code == 503 || code == 504;
  verdict->wait = retry_after(response->headers());
  Result<std::string> body = co_await response->body().read_all(kMaxResponse);
  if (verdict->accepted) {
    if (body) read_partial_success(*body, *verdict);
  } else {
    verdict->problem = "it responded with " + std::to_string(code);
  }
}

// Returns false if finish() is called first.
bool TraceExporter::Sender::wait_before_retry(const Verdict& verdict) {
  const auto wait = std::min(verdict.wait.value_or(options_.retry_wait), options_.longest_wait);
  std::unique_lock lock(mutex_);
  return !changed_.wait_for(lock, wait, [this] { return ending_.load(); });
}

// Takes the spans out of the batch and counts them. Reports when export fails or works again and,
// at most every kBetweenReports, how many spans were dropped.
void TraceExporter::Sender::settle(Queued& batch, const Verdict& verdict) {
  const std::uint64_t spans = std::exchange(batch.spans, 0);
  const std::uint64_t lost = verdict.accepted ? std::min(verdict.rejected, spans) : spans;
  dropped_ += lost;
  exported_ += spans - lost;
  if (!options_.report) return;
  const std::string to = shown_;
  if (lost > 0 && !is_failing_) {
    options_.report(LogLevel::warning,
                    "traces cannot be exported to " + to + ": " + shortened(verdict.problem));
    is_failing_ = true;
  } else if (lost == 0 && is_failing_) {
    report_drops("traces are exported to " + to + " again; ", "");
    is_failing_ = false;
  } else if (!is_failing_ && dropped_ != dropped_before_ && Clock::now() >= may_report_drops_) {
    report_drops("", ": " + to + " takes traces too slowly");
    may_report_drops_ = Clock::now() + kBetweenReports;
  }
}

void TraceExporter::Sender::report_drops(std::string_view when, std::string_view why) {
  const std::uint64_t all = dropped_;
  const std::uint64_t dropped = all - dropped_before_;
  if (!options_.report) return;
  options_.report(LogLevel::warning, std::string(when) + std::to_string(dropped) +
                                         (dropped == 1 ? " span was" : " spans were") + " dropped" +
                                         std::string(why));
  dropped_before_ = all;
}

TraceExporter::TraceExporter(std::unique_ptr<Sender> sender) : sender_(std::move(sender)) {}

TraceExporter::~TraceExporter() {
  finish();
}

Result<std::unique_ptr<TraceExporter>> TraceExporter::start(Options options) {
  auto sender = std::make_unique<Sender>(std::move(options));
  if (const auto prepared = sender->prepare(); !prepared) return failure(prepared.error());
  sender->start();
  return std::unique_ptr<TraceExporter>(new TraceExporter(std::move(sender)));
}

void TraceExporter::record(const ExchangeRecord& exchange) noexcept {
  if (exchange.trace == nullptr) return;
  if (!exchange.trace->sampled) {
    if (!is_failure(exchange) || !sender_->may_take_unsampled(exchange.ended)) return;
  }
  const std::size_t spans = count_spans(exchange);
  if (!sender_->has_room(spans)) return sender_->drop(spans);
  try {
    Queued queued;
    queued.spans = append_spans(queued.json, exchange, TwoClocks());
    sender_->add(std::move(queued));
  } catch (const std::bad_alloc&) {
    sender_->drop(spans);
  }
}

void TraceExporter::finish() noexcept {
  sender_->finish();
}

TraceExporter::Statistics TraceExporter::statistics() const noexcept {
  return sender_->statistics();
}

Result<Url> collector_url(std::string_view text) {
  auto url = Url::parse(text);
  if (!url) return url;
  if ((url->scheme() != "http" && url->scheme() != "https") || url->host().empty()) {
    return failure(Errc::bad_url, Side::local, "a collector is http://HOST:4318 or https://HOST");
  }
  if (url->path().empty() || url->path() == "/") {
    const std::string root = url->to_string();
    return Url::parse(root + (root.ends_with('/') ? "v1/traces" : "/v1/traces"));
  }
  return url;
}

}  // namespace onehop::observe
