#pragma once
// A refusal of the API of the box itself: {"error":"a sentence","advice":"what to do"}.

#include <string_view>

#include "corral/core/random_source.hpp"
#include "corral/core/result.hpp"
#include "corral/http/message.hpp"

namespace corral::api::box {

[[nodiscard]] http::response error_response(unsigned status, std::string_view error,
                                            core::random_source& random);
[[nodiscard]] http::response refusal(unsigned status, std::string_view error, std::string_view advice = {});
// Of a box without keys: who may see or change how it fares.
[[nodiscard]] http::response refusal_without_keys(const http::request& incoming);
// 409 for what the daemon refuses, 404 for what it does not have, 503 where too much is asked at once, 500 for the rest.
[[nodiscard]] http::response refusal_of(const core::failure& why);

}  // namespace corral::api::box
