#pragma once
// How much a test of many rounds does.

namespace corral {

// `wanted`, or a fifth of it under the sanitizers or without optimisation, which take as many times as long.
template <typename Count>
constexpr Count test_rounds(Count wanted) {
#if defined(CORRAL_SANITIZED) || !defined(__OPTIMIZE__)
    return wanted / 5;
#else
    return wanted;
#endif
}

}  // namespace corral
