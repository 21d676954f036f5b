#include "corral/core/result.hpp"

namespace corral::core {

namespace {

class category final : public boost::system::error_category {
public:
    const char* name() const noexcept override { return "corral"; }
    std::string message(int value) const override {
        switch (static_cast<errc>(value)) {
            case errc::timed_out:
                return "deadline passed";
            case errc::cancelled:
                return "cancelled";
            case errc::invalid:
                return "invalid";
            case errc::not_found:
                return "not found";
            case errc::unavailable:
                return "unavailable";
            case errc::refused:
                return "refused";
            case errc::protocol:
                return "protocol broken by the peer";
            case errc::limit_exceeded:
                return "limit exceeded";
            case errc::internal:
                return "internal error";
        }
        return "unknown";
    }
};

}  // namespace

const boost::system::error_category& corral_category() noexcept {
    static const category instance;
    return instance;
}

}  // namespace corral::core
