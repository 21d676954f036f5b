#pragma once
// The page for browsers at /ui, a file each; none of them holds a secret, so no key is asked for them.

#include <optional>

#include "corral/api/wire_format.hpp"

namespace corral::api {

// GET|HEAD /ui, /ui/*. On a box without keys another machine gets a sentence that says how to open the page.
void add_page_routes(http::router& routes, const api_context& context);

// A path that needs no key because it is the page's.
[[nodiscard]] bool is_page(std::string_view path) noexcept;

// Where a browser that asks for "/" is sent; nothing: it is no browser, or there is no page.
[[nodiscard]] std::optional<http::response> way_to_page(const api_context& context,
                                                        const http::request& head);

}  // namespace corral::api
