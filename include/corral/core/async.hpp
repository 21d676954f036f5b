#pragma once
// Names for the few Asio types that every coroutine needs.

#include <boost/asio/any_io_executor.hpp>
#include <boost/asio/as_tuple.hpp>
#include <boost/asio/awaitable.hpp>
#include <boost/asio/this_coro.hpp>
#include <boost/asio/use_awaitable.hpp>

namespace corral::core {

namespace asio = boost::asio;

template <typename T>
using awaitable = asio::awaitable<T>;

using executor = asio::any_io_executor;

// Completion token: errors come back as values in a tuple instead of as exceptions.
inline constexpr auto as_result = asio::as_tuple(asio::use_awaitable);

}  // namespace corral::core
