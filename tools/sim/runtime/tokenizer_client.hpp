#pragma once

#include <functional>
#include <nlohmann/json.hpp>
#include <optional>
#include <string>
#include <vector>

#include "vocabulary.hpp"

// The runtime's side of the tokenizer service: a new connection per call, ten seconds to connect, to send and
// to be answered (docs/facts/vendor_ax.md#tokenizer-calls). What the original does with an answer that never
// came is to die, and so does this.
namespace corral::sim {

struct tokenizer_answer {
    int status = 0;
    std::string body;
};

struct encode_result {
    bool ok = false;
    token_ids diff;
};

class tokenizer_client {
public:
    // http://<localhost or IPv4>:<port>; before init.
    void set_url(std::string url) { url_ = std::move(url); }

    // Probes, fetches uid, bos and eos, logging as the original; false ends the start with status 255.
    bool init();
    int eos_id() const { return eos_id_; }

    // nullopt: status was not 200, the caller keeps its old ids.
    std::optional<token_ids> reset(const std::string& system_prompt);
    encode_result encode(const std::string& text, const std::string& last_reply);
    // Two tries, a second each, then no text.
    std::string decode(const token_ids& ids);

    // What `encode` and `decode` do when the service answers 500; used by faults too.
    encode_result failed_encode(int status) const;
    std::string failed_decode(int status, const std::string& body) const;

private:
    bool probe();
    bool fetch(const std::string& path, int line, const char* what,
               const std::function<void(const nlohmann::json&)>& accept);
    std::optional<tokenizer_answer> call(const char* method, const std::string& path,
                                         const std::string& body) const;
    tokenizer_answer call_or_die(const std::string& path, const std::string& body) const;

    std::string url_;
    std::string host_;
    int port_ = 0;
    std::string uid_;
    int bos_id_ = -1;
    int eos_id_ = -1;
};

}  // namespace corral::sim
