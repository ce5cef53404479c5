// SPDX-License-Identifier: Apache-2.0
//
// Try it: form_handler :8080 &  curl -i -d name=Ada http://localhost:8080/
//
// A form that sets a cookie, and a page that reads it.
#include <onehop/onehop.hpp>

#include <string>

onehop::task<onehop::Response> greet(onehop::Request request) {
  if (request.method() != onehop::Method::post) {
    const std::string name(onehop::Cookies(request.headers()).get_or_empty("name"));
    co_return onehop::Response(200,
                               name.empty() ? "who are you?\n" : "hello again, " + name + "\n");
  }
  auto form = co_await onehop::read_form(request);
  if (!form) co_return onehop::Response(400, "a form is expected\n");
  const std::string name(form->get_or_empty("name"));
  onehop::Response response(200, "hello, " + name + "\n");
  const onehop::SetCookie cookie{.name = "name", .value = name, .path = "/", .http_only = true};
  if (!cookie.to_string()) co_return onehop::Response(400, "no cookie can have that value\n");
  onehop::add_cookie(response, cookie);
  co_return response;
}

int main(int argc, char** argv) {
  onehop::Server server({.listen = argc > 1 ? argv[1] : ":8080", .stop_on_signals = true});
  return server.run(greet);
}
