// SPDX-License-Identifier: Apache-2.0
//
// For tests of programs that use onehop: run a task, call a handler, record what an upstream was
// asked, and put whole servers, transports and raw peers into one memory, with a clock that only
// moves when told to. No sockets, no threads, no waiting. One thread.
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
#include <initializer_list>
#include <memory>
#include <string>
#include <string_view>
#include <vector>

namespace onehop::testing {

namespace detail {
struct Work {
  virtual ~Work() = default;
  virtual bool start() = 0;
  virtual bool done() const = 0;
};
void run_to_end(Work& work);

template <class T>
class TaskWork final : public Work {
 public:
  explicit TaskWork(task<T>& work) : work_(work) {}
  bool start() override { return work_.start(); }
  bool done() const override { return work_.done(); }

 private:
  task<T>& work_;
};
}  // namespace detail

// Runs `work` to its end on an event loop of its own, with the machine's clock and sockets.
template <class T>
T run(task<T> work) {
  detail::TaskWork<T> running(work);
  detail::run_to_end(running);
  return work.take();
}

// A request as a client would send it: "GET /a?b=c", or an absolute URL as the target.
Request request(std::string_view method_and_target,
                std::initializer_list<Field> fields = {},
                std::string content = {});

// Calls `handler` and reads the whole answer. Throws what the handler throws.
Response serve(const Handler& handler, Request request);
Response serve(const Handler& handler, std::string_view method_and_target);
// The content of a response that serve() returned.
std::string text_of(Response& response);

// A handler that gives the same answer every time and remembers what it was asked. For one thread
// at a time: a Server with several workers would call it from all of them.
class Recorder final : public Handler {
 public:
  Recorder(Status status, std::string text);
  ~Recorder() override;
  task<Response> serve(Request request) const override;

  std::size_t count() const noexcept;
  // The head of the last request, and its content. Throws std::out_of_range when there was none.
  const Request& last() const;
  const std::string& last_content() const;

 private:
  struct State;
  std::unique_ptr<State> state_;
};
std::shared_ptr<Recorder> recorder(Status status, std::string text);

// One end of a connection in a Network, for what no polite peer would send.
class Wire {
 public:
  Wire(Wire&&) noexcept;
  Wire& operator=(Wire&&) noexcept;
  ~Wire();  // closes

  // Sends as much of it as the other side takes now; the rest goes, as far as there is room, with
  // the later calls of this wire.
  void send(std::string_view data);
  // Everything received so far and not yet returned.
  std::string receive();
  // From now on takes at most so many bytes more from the other side, which then has to wait with
  // the rest; without a limit at first. 0 takes nothing, as a peer does that has stopped reading.
  void limit_receiving(std::size_t bytes);
  static constexpr std::size_t kNoLimit = ~std::size_t{0};
  // True when the other side has closed, or reset, and all it sent was received.
  bool at_end();
  bool was_reset();
  void close_write();
  void reset();
  // Both directions. With bytes that the other side has not taken yet it is a reset.
  void close();

 private:
  friend class Network;
  struct State;
  explicit Wire(std::unique_ptr<State> state);
  std::unique_ptr<State> state_;
};

// Servers, transports and wires in one memory. Everything happens inside its calls: after each of
// them, whatever could happen at this time has happened.
class Network {
 public:
  Network();
  Network(const Network&) = delete;
  Network& operator=(const Network&) = delete;
  ~Network();

  // Serves `handler` at "host:port". Options::listen, workers and what limits who is accepted do
  // not count here; without Options::max_memory, memory has no ceiling.
  void serve(std::string address,
             std::shared_ptr<const Handler> handler,
             Server::Options options = {});
  // Somebody else answers at "host:port": accept() gives the connections.
  void listen(std::string address);
  // Nobody answers there any more: connections to it are refused, and what was served there is cut.
  // serve() and listen() begin anew.
  void refuse(std::string_view address);
  // The next connection made to a listen()ed address. Throws std::out_of_range when there is none.
  Wire accept(std::string_view address);
  // A client's connection. Throws std::out_of_range when nobody serves there.
  Wire connect(std::string_view address);
  // Options for a Transport that connects inside this network.
  Transport::Options transport_options();

  // Runs `work` until it has ended or only time could end it; throws std::runtime_error then.
  template <class T>
  T run(task<T> work) {
    detail::TaskWork<T> running(work);
    run_to_end(running);
    return work.take();
  }
  // Moves the clock on, timers firing in their order.
  void advance(std::chrono::nanoseconds duration);

  struct State;
  State& state() noexcept { return *state_; }

 private:
  void run_to_end(detail::Work& work);
  std::unique_ptr<State> state_;
};

}  // namespace onehop::testing
