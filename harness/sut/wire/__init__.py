"""The contract as lines of text, for software that is a program of its own: this page is the protocol's reference.

The program sees its volumes at their mount points, the acquirer by TCP and time by its clocks, as any program does. All else of
the contract goes through stdin and stdout: one JSON object a line, UTF-8, at most 1 MiB, ended by a newline. stderr is the log.

**First line in**::

    {"boot":{"protocol":1,"tid":"10000001","mid":"123456789012345","host":"acquirer.example","port":5500,"volumes":{"data":"/data"}}}

**Requests out, answers in.** ``id`` is any whole number from 0 on that no request under way has; it tells the answers of
several threads apart. Each request has exactly one answer: ``{"id":7,"ok":{...}}`` or
``{"id":7,"error":{"kind":"out_of_paper","text":"no paper"}}``. A program of one thread may read the next line and be sure that
it is the answer. At most 64 requests are under way at once, of them one ``next_event`` and one ``read_card``. Values in
brackets may be left out; DATA is bytes as hex::

    {"id":7,"call":"next_event","timeout_s":60}        ok: an event, see below ([timeout_s]: without it, for ever)
    {"id":7,"call":"finish","action":3,"outcome":"approved",["reason","text","stan","batch","rrn"]}
    {"id":7,"call":"show","screen":"approved",["text","amount_fen","stan","batch","rrn"]}
    {"id":7,"call":"show_bytes","data":DATA}           a screen of text in the manifest's encoding
        ok of both: {"screen":"approved"}, what it was taken for (text is read by the manifest's patterns)
    {"id":7,"call":"print","receipt":"sale",["text","amount_fen","stan","batch","rrn","duplicate":true,
        "totals":{"debit_count":1,"debit_fen":1250,"credit_count":0,"credit_fen":0}]}      errors: out_of_paper
    {"id":7,"call":"print_bytes","data":DATA}          a slip of text                      errors: out_of_paper
    {"id":7,"call":"has_paper"}                        ok: {"paper":true}
    {"id":7,"call":"read_card","timeout_s":60}         errors: card_timeout, card_unreadable
        ok: {"pan","expiry","track2","entry_mode","sequence_number","emv_data":DATA,"code","chip":true}
    {"id":7,"call":"first_cryptogram","amount_fen":1250,["offline":true]}     errors: card_gone, card_unreadable
    {"id":7,"call":"second_cryptogram","response_code":"00"}                  the same; ok of both: {"kind":"ARQC","data":DATA}
    {"id":7,"call":"load_key","slot":"mac","key":DATA,"check":DATA}           errors: pin_pad
    {"id":7,"call":"has_key","slot":"mac"}             ok: {"loaded":true}
    {"id":7,"call":"mac","data":DATA}                  ok: {"data":DATA}, as for the three below   errors: pin_pad
    {"id":7,"call":"pin_block","pan":"6250941006528599"}
    {"id":7,"call":"encrypt","data":DATA}
    {"id":7,"call":"decrypt","data":DATA}
    {"id":7,"call":"nvram_read","offset":0,"size":16}  ok: {"data":DATA}
    {"id":7,"call":"nvram_write","offset":0,"data":DATA}
    {"id":7,"call":"probe","name":"compacted"}
    {"id":7,"call":"log","text":"anything"}
    {"id":7,"call":"reboot"}                           has no answer: the program ends

Where no ``ok`` is given it is ``{}``. What a value means and may be, each kind of screen, receipt, outcome and action: see
``harness.contract``.

**Events**, the ``ok`` of ``next_event``::

    {"event":"action","action":{"number":3,"kind":"sale","amount_fen":1250}}   must be ended once, by finish with its number;
        "original_stan", "original_batch", "original_rrn", "original_date", "original_amount_fen", "account" and "cycle"
        stand in it where they are not empty
    {"event":"key","key":"cancel"}
    {"event":"card_presented"}    {"event":"card_removed"}
    {"event":"paper","loaded":false}
    {"event":"cable","connected":true}
    {"event":"timeout"}           timeout_s passed without anything

**A breach** ends the program and is a finding: a line that is no request, an unknown call, key or value, an id that is under
way, an action ended twice, more than can be meant. It is never answered. A program that only prints text is met half-way: see
``text``.

**The rest of the contract.** ``PROGRAM --manifest`` prints the manifest as JSON, or ``PROGRAM.manifest.yaml`` stands beside the
program (``manifest_file``). ``PROGRAM --inspect DIR`` prints what its files under DIR say as JSON (``inspection_file``).
"""

from harness.sut.wire.port import Wire

__all__ = ["Wire"]
