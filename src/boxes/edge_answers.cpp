#include "boxes/edge_answers.hpp"

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

}  // namespace corral::boxes
