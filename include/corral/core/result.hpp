#pragma once
// Errors of the outside world as values: a code that programs compare and a reason that people read.

#include <string>
#include <utility>

#include <boost/system/error_code.hpp>
#include <boost/system/result.hpp>
#include <boost/system/system_error.hpp>
#include <boost/throw_exception.hpp>

#include "corral/core/reason.hpp"

namespace corral::core {

using boost::system::error_code;

// `code` is never a success value. `message` is without a final line break; it may name files and ports, never
// prompt text.
struct failure {
    error_code code;
    reason message;
};

template <typename T>
using result = boost::system::result<T, failure>;

// Found by boost::system::result when value() is asked of a failed result.
[[noreturn]] inline void throw_exception_from_error(const failure& what,
                                                    const boost::source_location& where) {
    boost::throw_with_location(boost::system::system_error(what.code, what.message.text()), where);
}

// A failure from an errno value.
[[nodiscard]] inline failure errno_failure(int value, reason message) {
    return failure{error_code(value, boost::system::system_category()), std::move(message)};
}

// Reasons that are not the operating system's.
enum class errc {
    timed_out = 1,   // the deadline passed
    cancelled,       // the asker or the owner went away
    invalid,         // input that breaks a stated rule
    not_found,       //
    unavailable,     // not now; trying again later may help
    refused,         // will not be done, and trying again will not help
    protocol,        // the peer broke its own protocol
    limit_exceeded,  // a stated bound was met
    internal,        // a bug of ours
};
[[nodiscard]] const boost::system::error_category& corral_category() noexcept;
[[nodiscard]] inline error_code make_error_code(errc value) noexcept {
    return {static_cast<int>(value), corral_category()};
}
[[nodiscard]] inline failure make_failure(errc value, reason message) {
    return failure{make_error_code(value), std::move(message)};
}

}  // namespace corral::core

template <>
struct boost::system::is_error_code_enum<corral::core::errc> : std::true_type {};
