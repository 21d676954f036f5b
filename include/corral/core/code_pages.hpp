#pragma once

#include <cstddef>

namespace corral::core {

// Lets go of the pages of code and constants, our own and those of libraries, that this process has in memory: what is
// needed comes back from the page cache at its next use, what only a start needed does not. Bytes that were covered.
// Safe at any time and on any thread; takes a fraction of a millisecond.
std::size_t give_back_code_pages();

}  // namespace corral::core
