#pragma once
// Ports of 127.0.0.1 for the services of a test.

#include <cstdint>
#include <utility>
#include <vector>

#include <gtest/gtest.h>

#include "corral/core/random_source.hpp"
#include "corral/process/service_port.hpp"

namespace corral {

// One that the kernel gives to nobody by itself, and that no Corral and no other test takes until this process ends.
// 0 with a failure of the test: there is none.
inline std::uint16_t free_port() {
    static core::system_random random;
    static std::vector<process::service_port> promised;
    auto one = process::service_port::promise(random);
    if (!one) {
        ADD_FAILURE() << one.error().message.text();
        return 0;
    }
    return promised.emplace_back(std::move(*one)).number();
}

}  // namespace corral
