// SPDX-License-Identifier: Apache-2.0

#include "http/error_page.hpp"

#include "http/html_text.hpp"

namespace onehop {
namespace {

constexpr std::string_view kHead = R"(<!doctype html>
<html lang="en">
<head>
<meta charset="utf-8">
<meta name="viewport" content="width=device-width, initial-scale=1">
<meta name="robots" content="noindex">
<link rel="icon" href="data:,">
<style>
  :root { color-scheme: light dark; --ink: #1b2430; --soft: #5d6b7c; --line: #dde3ea; --paper: #f6f8fa; }
  @media (prefers-color-scheme: dark) {
    :root { --ink: #e6edf3; --soft: #93a1b0; --line: #2c3643; --paper: #0f151c; } }
  body { margin: 0; background: var(--paper); color: var(--ink);
         font: 17px/1.55 system-ui, -apple-system, "Segoe UI", sans-serif; }
  main { max-width: 38rem; margin: 0 auto; padding: 18vh 1.5rem 3rem; overflow-wrap: anywhere; }
  h1 { font-size: 1.6rem; line-height: 1.25; margin: 0 0 .75rem; }
  p { margin: 0 0 .75rem; }
  footer { margin-top: 2rem; padding-top: 1rem; border-top: 1px solid var(--line);
           color: var(--soft); font-size: .9rem; }
  code { font-family: ui-monospace, SFMono-Regular, Menlo, monospace; }
</style>
)";

struct Words {
  std::string_view headline;
  std::string_view advice;
};

Words words_for(Status status) noexcept {
  switch (status.code()) {
    case 400:
      return {"The request could not be understood",
              "Your browser, or a program between it and this site, sent an invalid request. If it "
              "happens again, clearing the cookies of this site may help."};
    case 408:
      return {"The request took too long to arrive",
              "The connection may be slow or interrupted. Please try again."};
    case 413:
      return {"The upload is too large", "This site does not accept uploads of that size."};
    case 414:
    case 431:
      return {
          "The request is too long",
          "The address or the cookies of this site have grown too large. Clearing the cookies of "
          "this site may help."};
    case 429:
      return {"Too many requests at once",
              "Your network has more requests in progress than this site allows. Please wait a "
              "moment and try again."};
    case 502:
      return {
          "This site cannot be reached right now",
          "A server of this site is unavailable or sent an invalid response. Please try again in a "
          "few minutes."};
    case 503:
      return {"This site is very busy", "Please wait a moment and try again."};
    case 504:
      return {"This site took too long to respond",
              "A server of this site did not respond in time. Please try again in a few minutes."};
    default:
      break;
  }
  if (status.code() >= 500) {
    return {"Something went wrong on this site",
            "It is not your fault. Please try again in a few minutes."};
  }
  return {"This request cannot be served", "Please check the address and try again."};
}

}  // namespace

std::string error_page(Status status, std::string_view reason, std::string_view request_id) {
  const std::string title = std::to_string(status.code()) + ' ' + html_escaped(reason);
  const Words words = words_for(status);
  std::string page(kHead);
  page.append("<title>").append(title).append("</title>\n</head>\n<body>\n<main>\n<h1>");
  page.append(words.headline).append("</h1>\n<p>").append(words.advice).append("</p>\n<footer>");
  page.append("<p>").append(title).append("</p>");
  if (!request_id.empty()) {
    page.append("\n<p>If you report this, please give the request ID:<br><code>");
    page.append(html_escaped(request_id)).append("</code></p>");
  }
  return page.append("</footer>\n</main>\n</body>\n</html>\n");
}

}  // namespace onehop
