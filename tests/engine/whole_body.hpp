#pragma once

#include <string>

#include "engine/streaming/stream_protocol.hpp"

namespace corral::engine::tests {

// As it goes out.
inline std::string whole_body(const streaming::stream_request& from) {
    std::string out = from.body;
    for (auto each = from.inserts.rbegin(); each != from.inserts.rend(); ++each) {
        out.insert(each->at, *each->text);
    }
    return out;
}

}  // namespace corral::engine::tests
