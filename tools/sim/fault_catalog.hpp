#pragma once

#include <cstddef>
#include <span>
#include <string>
#include <string_view>

// The one list of everything that can be made to go wrong. docs/simulator.md shows the same list; a test
// compares them.
namespace corral::sim {

// Bits: which programs know a fault. `runtime` is the polling one, `chat` are all chat servers.
enum class fault_program { runtime = 1, tokenizer = 2, both = 3, chat = 4, engines = 5, all = 7 };

struct fault_entry {
    std::string_view name;
    fault_program program;
    std::string_view rows;  // rows of the vendor's failure catalogue that it produces
    std::string_view args;  // accepted arguments with their defaults
    std::string_view effect;
};

std::span<const fault_entry> fault_catalog();

// nullptr when there is no such fault.
const fault_entry* find_fault(std::string_view name);

// The whole table in Markdown, as `corral-sim faults` prints it.
std::string fault_table_markdown();

}  // namespace corral::sim
