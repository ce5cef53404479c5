// SPDX-License-Identifier: Apache-2.0
//
// Helpers for tests of programs that use onehop. They run a task, call a handler, record the
// requests to an upstream, and connect servers, transports and raw peers in memory, with a clock
// that only the test advances. No sockets, no threads, no waiting.
// Thread: owner.
#pragma once

#include <onehop/handler.hpp>
#include <onehop/request.hpp>
#include <onehop/response.hpp>
#include <onehop/round_tripper.hpp>
#include <onehop/server.hpp>
#include <onehop/task.hpp>
#include <onehop/transport.hpp>

#include <chrono>
#include <coroutine>
#include <cstddef>
#include <functional>
#include <initializer_list>
#include <memory>
#include <string>
#include <string_view>
#include <vector>

namespace onehop::testing {

namespace detail {
struct Work {
  virtual ~Work() = default;
  virtual bool start(std::coroutine_handle<> continuation) = 0;
};
void run_to_end(Work& work);

template <class T>
class TaskWork final : public Work {
 public:
  explicit TaskWork(task<T>& work) : work_(work) {}
  bool start(std::coroutine_handle<> continuation) override { return work_.start(continuation); }

 private:
  task<T>& work_;
};
}  // namespace detail

// Runs `work` to its end on its own event loop, with the machine's clock and sockets, and returns
// its result.
template <class T>
T run(task<T> work) {
  detail::TaskWork<T> running(work);
  detail::run_to_end(running);
  return work.take();
}

// Returns a request as a client would send it: "GET /a?b=c", or an absolute URL as the target.
Request request(std::string_view method_and_target,
                std::initializer_list<Field> fields = {},
                std::string content = {});

// Calls `handler`, reads the whole response and returns it. Throws what the handler throws.
Response serve(const Handler& handler, Request request);
Response serve(const Handler& handler, std::string_view method_and_target);
// Returns the content of a response that serve() returned.
std::string text_of(Response& response);

// Recorder is a handler that returns the same response every time and records the requests. Only
// one thread at a time may use it, so it is not for a Server with several workers.
class Recorder final : public Handler {
 public:
  // Responds to each request with this status and text.
  Recorder(Status status, std::string text);
  ~Recorder() override;
  task<Response> serve(Request request) const override;

  // The number of requests so far.
  std::size_t count() const noexcept;
  // The head of the last request, valid until the next one. Throws std::out_of_range if there was
  // none.
  const Request& last() const;
  // The content of the last request, valid until the next one; "" if there was none.
  const std::string& last_content() const;

 private:
  struct State;
  std::unique_ptr<State> state_;
};
// Returns a Recorder that a test and a server can share.
std::shared_ptr<Recorder> recorder(Status status, std::string text);

// RecordingRoundTripper stands in for a Transport. It records each request, and responds with a
// given response or forwards the request.
// Thread: owner.
class RecordingRoundTripper final : public RoundTripper {
 public:
  // Returns the response, or the error, for each request. It is not called for two requests at the
  // same time.
  using Respond = std::function<Result<Response>(const Request&)>;

  // Responds to each request with this status and text.
  RecordingRoundTripper(Status status, std::string text);
  // Responds with what `respond` returns. Throws std::invalid_argument if it is empty.
  explicit RecordingRoundTripper(Respond respond);
  // Forwards each request to `next`, and records the content as it is read. Throws
  // std::invalid_argument if `next` is null.
  explicit RecordingRoundTripper(std::shared_ptr<const RoundTripper> next);
  ~RecordingRoundTripper() override;
  task<Result<Response>> round_trip(Request request) const override;

  // One request.
  struct Recorded {
    Method method;        // as it was passed to round_trip()
    std::string url;      // absolute, with the query
    Headers headers;      // as they were passed to round_trip()
    std::string content;  // as far as it could be read
  };
  // The requests so far, in the order in which their content was complete or in which they were
  // forwarded.
  const std::vector<Recorded>& requests() const noexcept;
  // The last request. Throws std::out_of_range if there was none.
  const Recorded& last() const;

 private:
  struct State;
  using Requests = std::vector<Recorded>;
  class RecordedBody;
  std::shared_ptr<State> state_;
};

// Wire is one end of a connection in a Network, for sending and receiving raw bytes.
class Wire {
 public:
  Wire(Wire&&) noexcept;
  Wire& operator=(Wire&&) noexcept;
  ~Wire();  // closes

  // Sends as much of `data` as the other side accepts at this time. Later calls of any member send
  // the rest as room becomes available.
  void send(std::string_view data);
  // Returns the bytes received so far and not yet returned.
  std::string receive();
  // Limits how many more bytes this end accepts; after that, the other side has to wait. 0: it
  // accepts nothing, like a peer that has stopped reading. The default is no_limit.
  void limit_receiving(Limit<std::size_t> byte_count);
  // Reports whether the other side has closed or reset the connection, and everything that it sent
  // was received.
  bool at_end();
  // Reports whether the other side has reset the connection.
  bool was_reset();
  // Closes the sending direction, after all that was sent.
  void close_write();
  // Closes both directions with a reset.
  void reset();
  // Closes both directions. If bytes that the other side sent were not received, it is a reset.
  void close();

 private:
  friend class Network;
  struct State;
  explicit Wire(std::unique_ptr<State> state);
  std::unique_ptr<State> state_;
};

// Network connects servers, transports and wires in memory. Everything happens inside its calls:
// when a call returns, everything that can happen at this time has happened.
class Network {
 public:
  Network();
  Network(const Network&) = delete;
  Network& operator=(const Network&) = delete;
  ~Network();

  // Serves `handler` at "host:port". Options::listen, Options::workers and the limits on accepting
  // are ignored; without Options::max_memory, memory is not limited.
  void serve(std::string address,
             std::shared_ptr<const Handler> handler,
             Server::Options options = {});
  // Listens at "host:port"; accept() returns the connections.
  void listen(std::string address);
  // Refuses connections to that address from now on and cuts the existing ones, until the next
  // serve() or listen().
  void refuse(std::string_view address);
  // Returns the next connection to an address given to listen(). Throws std::out_of_range if there
  // is none.
  Wire accept(std::string_view address);
  // Connects as a client. Throws std::out_of_range if nothing serves that address.
  Wire connect(std::string_view address);
  // Returns a dialer that connects inside this network, which must outlive its use.
  std::shared_ptr<const Dialer> dialer();
  // Returns options for a Transport with that dialer.
  Transport::Options transport_options();

  // Runs `work` to its end, with the functions that it offloads, and returns its result. Throws
  // std::runtime_error if `work` waits for time to pass, or for more than ten seconds for another
  // thread's Completion.
  template <class T>
  T run(task<T> work) {
    detail::TaskWork<T> running(work);
    run_to_end(running);
    return work.take();
  }
  // Advances the clock; timers fire in order.
  void advance(std::chrono::nanoseconds duration);

  struct State;

 private:
  void run_to_end(detail::Work& work);
  std::unique_ptr<State> state_;
};

}  // namespace onehop::testing
