#include "boxes/edge_rules.hpp"

#include <array>

#include "corral/core/say.hpp"

namespace corral::boxes {

namespace {

constexpr std::string_view json_type = "application/json; charset=utf-8";
// An id as Corral's: 24 hex digits.
constexpr std::string_view request_id = "%[uuid,regsub(-,,g),bytes(0,24)]";

// For HAProxy's weak quotes, and for a text of JSON.
std::string escaped(std::string_view text) {
    std::string out;
    for (const char c : text) {
        if (c == '"' || c == '\\') {
            out += '\\';
        }
        out += c;
    }
    return out;
}

std::string_view anthropic_type(unsigned status) {
    switch (status) {
        case 400:
            return "invalid_request_error";
        case 401:
            return "authentication_error";
        case 403:
            return "permission_error";
        case 404:
            return "not_found_error";
        default:
            return "overloaded_error";
    }
}

std::string_view openai_type(unsigned status) {
    return status == 400 ? "invalid_request_error" : status == 404 ? "not_found_error" : "api_error";
}

std::string anthropic_body(unsigned status, std::string_view sentence) {
    return std::string(R"({"type":"error","error":{"type":")")
        .append(anthropic_type(status))
        .append(R"(","message":")")
        .append(sentence)
        .append(R"("},"request_id":"req_)")
        .append(request_id)
        .append("\"}");
}

std::string openai_body(unsigned status, std::string_view sentence) {
    return std::string(R"({"error":{"message":")")
        .append(sentence)
        .append(R"(","type":")")
        .append(openai_type(status))
        .append(R"(","param":null,"code":null}})");
}

std::string ollama_body(std::string_view sentence) {
    return std::string(R"({"error":")").append(sentence).append("\"}");
}

void write_return(std::string& out, std::string_view verb, unsigned status, std::string_view type,
                  std::string_view body, std::string_view header, std::string_view when) {
    out.append("    ").append(verb).append(" return status ").append(std::to_string(status));
    out.append(" content-type \"").append(type).append("\" lf-string \"").append(escaped(body)).append("\"");
    if (!header.empty()) {
        out.append(" hdr ").append(header);
    }
    out.append(" if ").append(when).append("\n");
}

void write_three(std::string& out, std::string_view verb, unsigned status, std::string_view sentence,
                 std::string_view header, std::string_view when) {
    const auto form_is = [](std::string_view name) {
        return "{ var(txn.form) -m str " + std::string(name) + " } ";
    };
    const std::string last(when);
    write_return(out, verb, status, "application/json", anthropic_body(status, sentence), header,
                 form_is("anthropic") + last);
    write_return(out, verb, status, "application/json", openai_body(status, sentence), header,
                 form_is("openai") + last);
    write_return(out, verb, status, json_type, ollama_body(sentence), header, form_is("ollama") + last);
}

}  // namespace

void write_forms(std::string& out) {
    out +=
        "    # The protocol of a client, by path: the form of its errors.\n"
        "    http-request set-var(txn.form) str(ollama)\n"
        "    http-request set-var(txn.form) str(openai) if { path_beg /v1/ }\n"
        "    http-request set-var(txn.form) str(anthropic) if { path_beg /v1/messages }\n";
    const auto set = [&](std::string_view name, std::string_view text, std::string_view when) {
        out.append("    http-request set-var-fmt(txn.").append(name).append(") \"");
        out.append(escaped(text)).append("\"").append(when).append("\n");
    };
    constexpr std::string_view mark = "\x01";  // where the sentence stands
    const auto both = [&](const std::string& body, std::string_view when) {
        const std::size_t at = body.find(mark);
        set("before", std::string_view(body).substr(0, at), when);
        set("after", std::string_view(body).substr(at + mark.size()), when);
    };
    constexpr unsigned unavailable = 503;
    both(ollama_body(mark), "");
    both(openai_body(unavailable, mark), " if { var(txn.form) -m str openai }");
    both(anthropic_body(unavailable, mark), " if { var(txn.form) -m str anthropic }");
}

void write_failures(std::string& out) {
    struct failure {
        unsigned status;
        const char* sentence;
    };
    constexpr std::array<failure, 4> failures{{
        {500, "the edge could not handle this request; its log says why"},
        {502, "the box that worked on this request ended without an answer; ask again"},
        {503, "no box can take this request now; ask again later"},
        {504, "the box that worked on this request was silent for too long; ask again"},
    }};
    out += "    # In the form of the client's protocol, where HAProxy has no answer of a box.\n";
    for (const auto& [status, sentence] : failures) {
        out += "    http-error status " + std::to_string(status) +
               " content-type application/json lf-string \"%[var(txn.before)]" + sentence +
               "%[var(txn.after)]\"";
        out += status == 503 ? " hdr Retry-After 5\n" : "\n";
    }
}

void write_full(std::string& out, std::string_view condition) {
    out.append("    # Beyond this many waiting, further ones are refused at once.\n");
    out.append(
        "    http-request return status 503 content-type application/json lf-string "
        "\"%[var(txn.before)]server busy, please try again.  maximum pending requests "
        "exceeded%[var(txn.after)]\" hdr Retry-After 5 if { ");
    out.append(condition).append(" }\n");
}

void write_unread_answers(std::string& out) {
    write_three(
        out, "http-response", 400,
        "the edge could not read which model is asked for, and the box that it chose has another; put "
        "'model' first in the body, or send its name as the header X-Corral-Model",
        {}, "{ status 404 }");
}

void write_unknown_model(std::string& out, std::string_view when) {
    constexpr const char* typed = "%[var(txn.typed)]";
    const std::string last(when);
    const std::string sentence = escaped(core::say("request.no-model/pull", typed));
    write_return(out, "http-request", 404, json_type, ollama_body(sentence), {},
                 "{ path /api/embed /api/embeddings } " + last);
    write_return(out, "http-request", 404, "application/json", openai_body(404, sentence), {},
                 "{ path /v1/embeddings } " + last);
    write_three(out, "http-request", 404, core::say("request.no-model/name", typed), {}, last);
}

void write_refusal(std::string& out, unsigned status, std::string_view sentence, std::string_view when,
                   std::string_view header) {
    write_three(out, "http-request", status, sentence, header, when);
}

namespace {

void write_door(std::string& out, const edge_settings& edge) {
    out += "# The door for clients.\nfrontend clients\n    bind " + edge.listen;
    if (!edge.certificate.empty()) {
        out += " ssl crt '" + edge.certificate.string() + "' alpn h2,http/1.1";
    }
    out += "\n    maxconn " + std::to_string(edge.max_clients) +
           "\n"
           "    option http-buffer-request\n"
           "    # One name for a request here and in the log of its box.\n"
           "    unique-id-format %[uuid()]\n"
           "    http-request set-header X-Request-Id %[unique-id] unless { req.hdr(X-Request-Id) -m reg "
           "^[A-Za-z0-9._-]{1,64}$ }\n"
           "    http-request capture req.hdr(X-Request-Id) len 64\n"
           "    # Lets no box take a client behind this for one on its own machine.\n"
           "    http-request set-header X-Forwarded-For %[src]\n"
           "    # A box that can't serve a request now says so in a way that lets this ask elsewhere.\n"
           "    http-request set-header X-Corral-Edge retry\n";
    write_forms(out);
    out += "\n";
}

constexpr const char* without_bearer = R"(,regsub("^ *[Bb][Ee][Aa][Rr][Ee][Rr][ \t]+",""),regsub(" +$",""))";

void write_keys(std::string& out, const edge_settings& edge, const std::vector<edge_key>& keys) {
    out +=
        "    # The key of a client, as a bearer token or by itself.\n"
        "    http-request set-var(txn.key) req.hdr(X-Api-Key)\n";
    out += std::string("    http-request set-var(txn.bearer) 'req.hdr(Authorization)") + without_bearer +
           "' if { req.hdr(Authorization) -m reg -i ^\\s*bearer\\s }\n";
    if (edge.keys.empty()) {
        out += "    http-request set-var(txn.key) var(txn.bearer) if { var(txn.bearer) -m found }\n\n";
        return;
    }
    out +=
        "    # Only the SHA-256 of each key is known, as to a box.\n"
        "    http-request set-var(txn.key_digest) var(txn.key),sha2(256),hex,lower\n"
        "    http-request set-var(txn.bearer_digest) var(txn.bearer),sha2(256),hex,lower\n";
    for (const edge_key& key : keys) {
        out += "    acl known_key var(txn.key_digest) -m str " + key.digest + "  # " + key.name + "\n";
        out += "    acl known_key var(txn.bearer_digest) -m str " + key.digest + "\n";
    }
    if (keys.empty()) {
        out += "    acl known_key always_false  # the key file has none\n";
    }
    out +=
        "    acl open_to_all path / /healthz /readyz\n"
        "    acl open_to_all method OPTIONS\n"
        "    acl shows_key var(txn.key) -m len gt 0\n"
        "    acl shows_key var(txn.bearer) -m len gt 0\n";
    write_refusal(out, 401, core::say("request.key-missing"), "!open_to_all !shows_key",
                  "WWW-Authenticate Bearer");
    write_refusal(out, 401, core::say("request.key-unknown"), "!open_to_all !known_key",
                  "WWW-Authenticate Bearer");
    out +=
        "    # It ends here.\n"
        "    http-request set-var(txn.key) var(txn.bearer) if { var(txn.bearer) -m found }\n"
        "    http-request del-header X-Api-Key\n"
        "    http-request del-header Cookie\n"
        "    http-request del-header Authorization\n";
    if (!edge.key_variable.empty()) {
        out +=
            "    # The edge's own key, from the environment of HAProxy.\n"
            "    http-request set-header Authorization \"Bearer ${" +
            edge.key_variable + "}\"\n";
    }
    out += "\n";
}

void write_closed_paths(std::string& out) {
    out +=
        "    # Which box is meant is not known here.\n"
        "    acl of_one_box path_beg /corral/ /ui /api/blobs/\n"
        "    acl of_one_box path /metrics /api/pull /api/push /api/delete /api/create /api/copy\n";
    write_refusal(
        out, 403,
        "this address stands for many boxes; ask the box itself for its page, its metrics and changes "
        "of its models",
        "of_one_box");
    out += "\n";
}

void write_model_reading(std::string& out) {
    out +=
        R"(    # The model that is asked for: the body's, or that of the header, for bodies where it comes late.
    acl asks_model path /api/chat /api/generate /api/embed /api/embeddings /api/show
    acl asks_model path /v1/chat/completions /v1/completions /v1/responses /v1/responses/compact /v1/embeddings
    acl asks_model path /v1/messages /v1/messages/count_tokens
    http-request set-var(txn.typed) req.body,json_query('$.model') if asks_model METH_POST
    # HAProxy reads no "\/" in a text, as some clients write the slash of a name.
    http-request set-var(txn.typed) 'req.body,regsub("\\\\/","/",g),json_query("$.model")' if asks_model METH_POST !{ var(txn.typed) -m found } { req.body -m sub \\/ }
    # A number is no name; its box says so.
    http-request unset-var(txn.typed) if { var(txn.typed) -m reg ^[0-9.eE+-]+$ }
    http-request set-var(txn.typed) req.hdr(X-Corral-Model) if asks_model { req.hdr(X-Corral-Model) -m found }
    http-request set-var(txn.typed) path,regsub(^/v1/models/,),url_dec if { path_beg /v1/models/ }
    http-request del-header X-Corral-Model
    # As Corral compares names: whatever the case, with a tag, without the default host and owner.
    http-request set-var(txn.model) 'var(txn.typed),regsub("^[ \t\r\n]+",""),regsub("[ \t\r\n]+$",""),lower,regsub(":local$",""),regsub("^(https?://)?registry\.ollama\.ai/",""),regsub("^library/",""),regsub("(^|/)([^/:]+)$","\1\2:latest")' if { var(txn.typed) -m found }
    http-request capture var(txn.model) len 80

)";
}

void write_stream_reading(std::string& out, const edge_settings& edge) {
    out +=
        R"(    # Streams. Ollama's are, unless the whole body does not say so; the others' where it says so.
    http-request set-var(txn.body_length) req.body_len
    acl whole_body req.body_size,sub(txn.body_length) eq 0
    acl chunked_body req.hdr(Transfer-Encoding) -m found
    acl says_stream req.body,json_query('$.stream') -m found
    acl wants_stream req.body,json_query('$.stream') -m bool
)";
    const std::string silence = " int(" + std::to_string(edge.silence.count()) + ") if ";
    out += "    http-request set-var(txn.silence)" + silence +
           "{ path /api/chat /api/generate } whole_body !chunked_body !says_stream\n";
    out += "    http-request set-var(txn.silence)" + silence + "asks_model wants_stream\n\n";
}

void write_conversation_reading(std::string& out) {
    out +=
        R"(    # A conversation is known by its first words of a user, its model and its key. Each pattern reads a body once.
    http-request set-var(txn.said) 'req.body,regsub("(?s)^(?>.*?\"role\"\s*:\s*\"user\")(?>.*?\"(?:content|text)\"\s*:\s*\")((?>[^\"\\\\]|\\\\.){0,256}).*$","\1"),bytes(0,2048)' if asks_model METH_POST { req.body -m sub "\"user\"" }
    http-request set-var(txn.said) 'req.body,regsub("(?s)^(?>.*?\"(?:prompt|input)\"\s*:\s*[[]?\s*\")((?>[^\"\\\\]|\\\\.){0,256}).*$","\1"),bytes(0,2048)' if asks_model METH_POST !{ var(txn.said) -m found }
    http-request set-var(txn.conversation) var(txn.model),concat(/,txn.key,/),concat(,txn.said,) if { var(txn.said) -m found }

)";
}

void write_routes(std::string& out, const std::vector<std::string>& models,
                  const std::vector<std::string>& backends) {
    out += "    # Each model has a backend.\n";
    for (std::size_t i = 0; i < backends.size(); ++i) {
        out += "    http-request set-var(txn.route) str(" + backends[i] + ") if { var(txn.model) -m str " +
               models[i] + " }\n";
    }
    out += "    acl known_model var(txn.route) -m found\n";
    out +=
        R"(    # A box answers itself, in its own words, what is no plain name, asks for facts, or is for pages of other servers (CORS).
    acl plain_name var(txn.typed) -m reg ^([A-Za-z0-9_][A-Za-z0-9_.-]{0,79}/){0,2}[A-Za-z0-9_][A-Za-z0-9_.-]{0,79}(:[A-Za-z0-9_][A-Za-z0-9_.-]{0,79})?$
    acl special_name var(txn.typed) -m reg -i [:-](cloud|local)$
    acl from_page req.hdr(Origin) -m found
    acl shows_model path /api/show
)";
    write_unknown_model(out, "asks_model !known_model plain_name !special_name !from_page !shows_model");
    out +=
        "    # Facts of a model don't wait behind its answers.\n"
        "    http-request set-priority-class int(-1) if shows_model\n"
        "    http-request set-priority-class int(-1) if { path_beg /v1/models/ }\n";
    out += "    use_backend %[var(txn.route)] if known_model\n";
    out +=
        "    use_backend unread if asks_model METH_POST !{ var(txn.typed) -m found }\n"
        "    default_backend boxes\n\n";
}

}  // namespace

void write_frontend(std::string& out, const edge_settings& edge, const std::vector<edge_key>& keys,
                    const std::vector<std::string>& models, const std::vector<std::string>& backends) {
    write_door(out, edge);
    write_keys(out, edge, keys);
    write_closed_paths(out);
    write_model_reading(out);
    write_stream_reading(out, edge);
    if (edge.affinity) {
        write_conversation_reading(out);
    }
    write_routes(out, models, backends);
}

std::string check_words(const std::string& every, bool others) {
    return " check inter " + every + " fall 2 rise 1" +
           (others ? " observe layer4 error-limit 1 on-error mark-down" : "");
}

}  // namespace corral::boxes
