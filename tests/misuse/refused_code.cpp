// SPDX-License-Identifier: Apache-2.0
//
// Code that the compiler refuses, and the words it does so with. refused_code.py compiles this file
// and expects one error for each case, at the line after its comment, that contains the text in
// quotes. Nothing else may be refused.
#include <onehop/onehop.hpp>

#include <memory>
#include <string>
#include <utility>

namespace {

using onehop::ProxyRequest;
using onehop::Request;
using onehop::Response;

void handlers(onehop::Server& server, std::shared_ptr<onehop::Handler> shared) {
  server.run([](Request) { return Response(200, "fine"); });
  server.run([](const Request&) { return Response(200, "fine"); });
  server.run([](Request) -> onehop::task<Response> { co_return Response(200, "fine"); });
  server.run(shared);
  // refused: "CanBeCalledWithARequest"
  server.run([](int) { return Response(); });
  // refused: "ReturnsAResponseOrATaskOfOne"
  server.run([](Request) { return 404; });
  // refused: "ReturnsAResponseOrATaskOfOne"
  server.run([](Request) {});
  // refused: "CanBeCalledWithARequest"
  server.run([calls = 0](Request) mutable { return Response(200, std::to_string(++calls)); });
  // refused: "CanHandleRequests"
  (void)onehop::make_handler(std::string("no handler"));
  // refused: "CanBeCalledWithARequest"
  (void)server.start([](Response) { return Response(); });
}

void hooks() {
  onehop::RewriteHook rewrite = [](ProxyRequest&) {};
  rewrite = [](ProxyRequest&) -> onehop::task<void> { co_return; };
  onehop::ResponseHook modify = [](Response&) {};
  modify = [](onehop::ProxyResponse&) -> onehop::Result<void> { return {}; };
  (void)onehop::director([](Request&) {});
  // refused: "CanBeCalledWithAProxyRequest"
  (void)onehop::RewriteHook([](Request&) {});
  // refused: "IsVoidOrAResponseOrAResultOrATaskOfOne"
  (void)onehop::RewriteHook([](ProxyRequest&) { return 1; });
  // refused: "IsVoidOrAResponseOrAResultOrATaskOfOne"
  (void)onehop::RewriteHook([](ProxyRequest&) -> onehop::task<int> { co_return 1; });
  // refused: "CanBeCalledWithAResponseOrAProxyResponse"
  (void)onehop::ResponseHook([](int) {});
  // refused: "IsVoidOrAResponseOrAResultOrATaskOfOne"
  (void)onehop::ResponseHook([](Response&) { return 404; });
  // refused: "CanBeCalledWithTheOutboundRequest"
  (void)onehop::director([](ProxyRequest&) {});
}

void copies(Request& request, Response& response, onehop::Headers& headers) {
  const Request cloned = request.clone_head();
  const onehop::Headers second = headers.clone();
  // refused: "deleted"
  const Request request_copy = request;
  // refused: "deleted"
  const Response response_copy = response;
  // refused: "deleted"
  const onehop::Body body_copy = response.body();
  // refused: "deleted"
  const onehop::Headers headers_copy = headers;
}

}  // namespace
