// SPDX-License-Identifier: Apache-2.0
//
// The whole public interface of the library, except <onehop/testing.hpp>. Each header documents its
// part.
#pragma once

#include <onehop/body.hpp>
#include <onehop/completion.hpp>
#include <onehop/cookies.hpp>
#include <onehop/dialer.hpp>
#include <onehop/error.hpp>
#include <onehop/event.hpp>
#include <onehop/exchange_record.hpp>
#include <onehop/form.hpp>
#include <onehop/handler.hpp>
#include <onehop/headers.hpp>
#include <onehop/hook.hpp>
#include <onehop/library_version.hpp>
#include <onehop/limit.hpp>
#include <onehop/method.hpp>
#include <onehop/metrics.hpp>
#include <onehop/offload.hpp>
#include <onehop/owned_headers.hpp>
#include <onehop/parameters.hpp>
#include <onehop/request.hpp>
#include <onehop/response.hpp>
#include <onehop/reverse_proxy.hpp>
#include <onehop/round_tripper.hpp>
#include <onehop/routes.hpp>
#include <onehop/scope.hpp>
#include <onehop/server.hpp>
#include <onehop/status.hpp>
#include <onehop/task.hpp>
#include <onehop/tls.hpp>
#include <onehop/trace.hpp>
#include <onehop/transport.hpp>
#include <onehop/upstream.hpp>
#include <onehop/url.hpp>
#include <onehop/values.hpp>
#include <onehop/version.hpp>
#include <onehop/worker_ref.hpp>
