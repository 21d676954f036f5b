#pragma once
// What each client needs to know of a box: the table of `corral connect` and of docs/clients.md.

#include <cstdint>
#include <span>
#include <string>
#include <string_view>

namespace corral::cli {

struct box_facts {
    std::string url;  // without a path
    std::string model;
    std::uint32_t window = 0;  // tokens
    bool key = false;          // it asks for one
    bool tools = false;
    bool vision = false;
    std::uint32_t prompt = 0;  // tokens of the longest; 0: not known
    bool window_known = true;  // else it is assumed
};

enum class client_file { none, own, merged };

struct client_entry {
    std::string_view name;
    std::string_view title;
    client_file kind = client_file::none;
    // Of the file: a folder below the home of a person, the variable that moves this folder, and the rest.
    std::string_view folder;
    std::string_view variable;
    std::string_view file;
    std::string_view text;   // of the file, or of what a person adds to one
    std::string_view steps;  // what a person does
};

[[nodiscard]] std::span<const client_entry> client_table();
// nullptr where there is none.
[[nodiscard]] const client_entry* find_client(std::string_view name);

// How many tokens an answer may have, so that a prompt has room beside it.
[[nodiscard]] std::uint32_t output_limit(std::uint32_t window);

// `text` with the values of the box in the place of {url}, {model}, {window}, {agent_window}, {agent_input}, {input},
// {output}, {tools}, {vision} and {file}. A line that begins with "?key " or "?open " is for a box that asks for a key, or for
// one that doesn't, with "?blind " for a model that sees no images.
[[nodiscard]] std::string fill_in(std::string_view text, const box_facts& box, const std::string& file);

// What is wrong with such a name or address: other characters than those that need no quotes anywhere.
[[nodiscard]] bool is_plain_word(std::string_view text);

// The rows of docs/clients.md.
[[nodiscard]] std::string client_rows();

}  // namespace corral::cli
