#pragma once
// vm-pop3d (user.c). As it comes it does not say from where a user has logged in, so it is of use with the patch that
// every POP-before-SMTP with it has needed:
//
//   User 'u' of 'domain' from '192.0.2.7' logged in          User 'u' from '192.0.2.7' logged in
//
// The login is `u@domain'. A name is free text: the address is the last in quotes.

#include "maillog/recognise/scanner.hpp"

namespace mxwarden::maillog {

Recognised scan_vm_pop3d(const Scan& scan);

}  // namespace mxwarden::maillog
