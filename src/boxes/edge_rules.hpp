#pragma once
// What HAProxy is told of requests: which boxes each is for, and what the edge itself answers.

#include <string>
#include <string_view>
#include <vector>

#include "corral/boxes/haproxy.hpp"

namespace corral::boxes {

// What the edge itself answers, in the words and the form of the client's protocol (docs/facts/ollama_wire.md#errors).

// The variables for answers of any kind: before and behind the sentence. In the frontend.
void write_forms(std::string& out);

// What HAProxy says where it has no answer of a box. In the defaults.
void write_failures(std::string& out);

// The refusal with 503 of what would wait too long. `condition`: an expression without its braces. In a backend.
void write_full(std::string& out, std::string_view condition);

// In place of a 404 for a request whose model the edge could not read. In a backend.
void write_unread_answers(std::string& out);

// 404 for txn.typed, in its three forms. `when`: names of conditions. In the frontend.
void write_unknown_model(std::string& out, std::string_view when);

// A refusal with a sentence and a status of 400 to 499. `when`: conditions as they stand behind "if".
void write_refusal(std::string& out, unsigned status, std::string_view sentence, std::string_view when,
                   std::string_view header = {});

// How HAProxy finds out which boxes a request is for: the frontend for clients.

// `models` (routed names) and `backends` go together by place.
void write_frontend(std::string& out, const edge_settings& edge, const std::vector<edge_key>& keys,
                    const std::vector<std::string>& models, const std::vector<std::string>& backends);

// Words of a server's check, `every`: with its unit. Where there are others, one failed connection counts as much as two
// failed checks; a box alone is tried again, for there may be a restart only.
std::string check_words(const std::string& every, bool others);

}  // namespace corral::boxes
