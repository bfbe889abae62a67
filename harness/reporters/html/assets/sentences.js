// Events in Chinese, told from what each event says by its fields: the history's own words are English. What terminal software or a
// fault said stays as it was said. A word that is not here shows itself.

const WORDS_ZH = {
  // Actions, purchases, slips.
  sale: "消费", refund: "退货", void: "消费撤销", preauth: "预授权", preauth_void: "预授权撤销", completion: "预授权完成", completion_void: "预授权完成撤销",
  scan_sale: "扫码收款", scan_refund: "扫码退款", settle: "结算", sign_on: "签到", sign_off: "签退", reprint: "重打印", clear_cache: "清缓存", reboot: "重启", update: "升级",
  totals: "查询总计", account: "设置账户", payout: "查询到账", read_log: "读取日志", clear_reversal: "清除冲正", trace_number: "设置流水号", settlement: "结算单", other: "其他",
  "void of a sale": "撤销消费",
  // Outcomes and screens.
  approved: "批准", declined: "拒绝", refused: "不受理", unknown: "结果不明", done: "完成", failed: "失败", unsupported: "不支持", interrupted: "中断",
  idle: "空闲", prompt: "提示", processing: "处理中", storage_full: "存储已满", settled: "已结算", settle_failed: "结算失败", error: "错误", text: "文字", paid_out: "已到账", warning: "警告",
  // What customers believe.
  paid: "已付款", not_paid: "未付款",
  // Phases and occasions.
  trading: "营业", settle_while_full: "存满时结算", recovery: "恢复", quiescence: "静止", final_settlement: "最后结算", check: "检查",
  installed: "安装时", before_settlement: "结算前", after_settlement: "结算后", end: "结束时", said_full: "提示已满时", fill_level: "占用跨档时", after_power_loss: "断电后", recovered: "恢复后", shown: "显示时",
  // The host's books.
  APPROVED: "已批准", DECLINED: "已拒绝", REVERSED: "已冲正", VOIDED: "已撤销", REFUNDED: "已退货", SETTLED: "已结算", COMPLETED: "已完成", EXPIRED: "已过期",
  USERPAYING: "等待顾客付款", SUCCESS: "已支付", CLOSED: "已关闭", REVOKED: "已撤销", UNKNOWN: "不存在", new: "新建", bounced: "退回", held: "暂缓", pending: "待付", none: "无",
  // How messages end.
  partition: "网络中断", half_open: "应答丢失", reset: "连接被重置", closed: "连接已关闭", power: "断电",
  no_reply: "已处理；host.no_reply 规定了平日的比例", withheld: "已处理", not_read: "未处理", not_understood: "未处理；主机不认识这种请求",
  // How software ends.
  exception: "异常", out_of_memory: "内存不足", returned: "自行退出", spinning: "死循环", contract: "违反接口约定",
  // Card data.
  track_data: "磁道数据", pin_block: "PIN 数据块", card_number: "卡号", hash_beside_truncated: "散列与截断卡号并存",
  file: "文件", file_name: "文件名", free_page: "空闲页", nvram: "NVRAM", log: "日志", receipt: "小票", screen: "屏幕",
  first: "第一次", second: "第二次",
  // What people did.
  "called support": "联系技术支持", "keyed a paid sale in again": "把已付款的消费又录入一次", "keyed a wrong amount": "录错金额", "loaded paper": "装入打印纸",
  "plugged it in": "接上电源", "restarted the terminal": "重启终端", "support restarted it: no sale was accepted": "技术支持重启：没有一笔销售被受理",
  "support restarted it: settlement failed": "技术支持重启：结算失败", "support restarted it: it did not come back": "技术支持重启：终端没有恢复",
};

const word = (text) => own(WORDS_ZH, text) || say(text);
const fen = (f) => f.amount_fen ? [" ", money(Number(f.amount_fen))] : null;
const trace = (f) => f.stan ? ["（流水号 ", say(f.stan), "）"] : null;
const inBrackets = (text) => text ? ["（", say(text), "）"] : null;

function messageZh(f) {
  if (f.error) return ["报文 ", f.message, "：无法解析", inBrackets(f.error)];
  return [f.direction === "down" ? "主机应答 " : "终端发送 ", say(f.mti || "?"), fen(f), trace(f), f.response_code && ["，应答码 ", say(f.response_code)],
    "，报文 ", f.message, f.altered && ["（", say(f.altered), " 被改错）"]];
}

// How many there are of what is long stands in the English sentence; a fact of more than some characters is cut.
const counted = (text, pattern) => (pattern.exec(text) || [])[1];

function inspectedZh(f, text) {
  if (f.error) return ["无法读取其自身记录", inBrackets(f.error)];
  const pending = counted(text, /, (\d+) reversals pending/);
  return ["批次 ", say(f.batch), " 的自身流水有 ", counted(text, / holds (\d+) records/) || "?", " 条",
    pending && `，${pending} 笔冲正待发`, f.damaged_records && `，${f.damaged_records} 条损坏`];
}

const SENTENCES_ZH = {
  RunStarted: (f) => ["运行开始：", say(f.scenario), "，", say(f.terminal), "，种子 ", f.seed],
  PhaseStarted: (f) => ["阶段：", word(f.phase)],
  IntentOpened: (f) => ["顾客 ", f.intent, " 要办", word(f.kind), fen(f)],
  Presented: (f) => ["顾客 ", f.intent, " 出示卡片（令牌 ", say(f.token), "）"],
  CardDecided: (f) => ["卡片芯片", word(f.step), "应答", fen(f), "：", say(f.answer)],
  IntentClosed: (f) => ["顾客 ", f.intent, " 离开，以为：", word(f.belief)],
  ActionStarted: (f) => ["操作员要求", word(f.kind), fen(f), `（操作 ${f.action}）`],
  ActionEnded: (f) => [`操作 ${f.action} 结束：`, word(f.outcome), inBrackets(f.reason)],
  OperatorDid: (f) => word(f.what),
  ImageLoaded: (f) => ["从已有数据开始：", say(f.source)],
  ScreenShown: (f) => ["屏幕：", word(f.kind), fen(f), trace(f), " ‘", say(f.text), "’"],
  ReceiptPrinted: (f) => ["小票：", f.duplicate && "重打 ", word(f.kind), fen(f), trace(f)],
  PowerLost: (f) => ["断电", inBrackets(f.cause)],
  StorageAfterPowerLoss: (f) => ["卷 ", say(f.volume), `：未落盘的 ${f.pending} 项操作中丢失 ${f.lost} 项，撕裂 ${f.torn} 项`, f.details && ["：", say(f.details)]],
  Booted: (f) => `启动（第 ${f.boot} 次）`,
  SoftwareReady: (f) => `就绪（第 ${f.boot} 次启动）`,
  SoftwareDied: (f) => ["软件崩溃：", word(f.reason), "：", say(f.detail)],
  SoftwareLogged: (f) => ["软件输出 ‘", say(f.text), "’"],
  ProbeReached: (f) => ["到达 ", say(f.name)],
  MemorySampled: (f) => `内存：自身 ${number(Number(f.software_bytes))} 字节，泄漏 ${number(Number(f.leaked_bytes))} 字节`,
  StorageFailed: (f) => [say(f.operation), " ", say(f.path), " 失败：", say(f.errno)],
  Barrier: (f) => [say(f.kind), " ", say(f.path), " 完成"],
  SpaceMeasured: (f) => ["卷 ", say(f.volume), `：剩余 ${number(Number(f.free_bytes))}，共 ${number(Number(f.total_bytes))} 字节（`, word(f.when), "）"],
  SecretFound: (f) => ["在", word(f.where), f.path && [" ", say(f.path), " 第 ", f.offset, " 字节"], "发现卡 ", say(f.pan), " 的", word(f.kind), "（", word(f.when), "）"],
  SecretsSought: (f) => [`搜索最近 ${f.presentations} 次刷卡的卡数据（`, word(f.when), `）：发现 ${f.found} 处`],
  MessageSent: messageZh,
  MessageDelivered: (f) => `报文 ${f.message} 到达`,
  MessageDropped: (f) => [`报文 ${f.message} 丢失（`, word(f.reason), "）"],
  RequestUnanswered: (f) => f.reason === "late" ? `主机已处理报文 ${f.message}，但应答留到之后的请求时才发出` : [`主机从不应答报文 ${f.message}（`, word(f.reason), "）"],
  LedgerChanged: (f) => ["主机记账：", word(f.kind), fen(f), trace(f), "：", word(f.previous_state || "new"), " → ", word(f.state)],
  BatchSettled: (f, text) => ["主机", f.closed === "True" ? "关闭" : "未关闭", "批次 ", say(f.batch), f.balanced === "True" ? "，平账" : "，不平账",
    f.host_only && `；${counted(text, /; (\d+) sales only/) || "?"} 笔只有主机知道`],
  CertificateTaken: (f) => ["主机已有批次 ", say(f.batch), " 的芯片证书", trace(f)],
  OrderChanged: (f) => ["主机将订单 ", say(f.order), fen(f), "：", word(f.previous_state || "new"), " → ", word(f.state), inBrackets(f.reason)],
  SettingsKeyed: (f) => ["录入账户 ", say(f.account), " 和周期 ", say(f.cycle), `（操作 ${f.action}）`],
  SettingsJudged: (f) => ["主机", f.code === "00" ? "接受" : "拒绝", "账户 ", say(f.account), " 和周期 ", say(f.cycle), "，应答码 ", say(f.code)],
  PayoutMade: (f) => [`第 ${f.payout} 笔到账款`, fen(f), "，账户 ", say(f.account || "none"), "：", word(f.state), f.reason && ["：", say(f.reason)]],
  PayoutTold: (f) => ["主机告知批次 ", say(f.batch), "：已付", fen(f), "，", word(f.state)],
  FaultStruck: (f) => ["故障 ", faultName(f.kind) || say(f.kind), " 发生在 ", say(f.devices), inBrackets(f.fault), f.detail && ["：", say(f.detail)]],
  DataDamaged: (f) => ["故障 ", say(f.fault), " 损坏了 ", say(f.path), "，其中最新内容写于 ", clock(Math.max(0, Number(f.youngest_us)))],
  FaultBit: (f) => ["故障 ", say(f.fault), " 生效：", say(f.evidence)],
  FaultLifted: (f) => ["故障 ", say(f.fault), " 解除"],
  Inspected: inspectedZh,
  InspectionMissing: (f) => ["未提供自身记录的检查：", say(f.why)],
};

const JUDGED_BY_ZH = {
  admission: "发出的请求、未结批次中的批准，以及请求之后的存储错误", agreement: "结算中无人认领或不明的交易；静止时自身记录与主机账本对照",
  batch_advances: "请求和自身记录中的批次号，对照主机的关闭与签到应答", no_sensitive_data: "在设备保留的一切内容中搜索顾客的卡数据；屏幕、小票和输出",
  card_number_protected: "在设备保留的一切内容中搜索顾客的卡号；屏幕、小票和输出", clear_needs_proof: "屏幕、结算结果和销售的批次号，对照主机的关闭与送达的应答",
  completion_within_hold: "主机的完成交易，对照其所指的预授权", settlement_exactly_once: "结算单、屏幕和结果，对照主机结算的内容",
  corruption_detected: "数据损坏之后的上送、小票、重打、冲正和撤销，对照主机批准的内容", exclusive_fate: "批准的屏幕和小票、上送、自身记录，对照已冲正的账目",
  fast_at_every_fill: "从刷卡到结果、不计等待主机的时间，按批次笔数和占用块数", full_message: "提示已满的屏幕、当时的剩余空间、未结批次的请求和批准",
  funds_paid_once: "终端所说的账户和到账，对照收单方所收所告", memory_bounded: "两次结算之间的内存普查", no_double_charge: "按刷卡令牌统计主机扣款，对照购买意图",
  no_lost_approval: "批准的屏幕和小票，对照主机账本与结算；未结的对照自身记录", no_silent_charge: "按刷卡令牌统计主机扣款，对照终端显示、打印或认领的一切",
  offline_once: "卡片脱机批准及其显示，对照主机账本与结算请求", orders_end: "主机上订单的变化，对照批准屏幕、小票、结算和自身流水",
  record_atomicity: "断电后和静止时的自身记录，对照显示过的批准", recovery_idempotent: "两次连续启动之后的自身记录",
  returns_to_service: "启动与就绪、软件崩溃、操作结束、技术支持介入", reversal_drains: "发出的冲正及送达的应答；静止时的自身记录",
  reversal_first: "发出的请求，对照此前请求及其冲正的应答", reversal_removed: "存疑的请求，对照冲正、应答及之后发送的内容；结算与自身记录中的批准",
  settlement_frees_space: "存储已满时的结算和销售；前后剩余空间", settlement_resumes: "结算请求、上送及送达的应答；其间的销售；结算屏幕和结果",
  sound_answers: "显示的批准和发出的冲正，对照已到达终端的应答", stan_unique: "发出的请求，按终端、批次和流水号", totals_match_log: "逐笔核对一致的结算总计；自身记录的总计和明细",
  void_and_refund: "主机记下的撤销和退货、结算、静止时的自身记录", write_ahead: "应答之前因断电或崩溃中断的请求，对照之后的冲正",
};

// What happened, in the reader's language where its event has fields to tell it from.
function told(step) {
  const tell = state.language === "zh" && own(SENTENCES_ZH, step.kind);
  if (!tell || !(step.facts || []).length) return say(step.text);
  return el("bdi", { class: "said", dir: "auto" }, tell(Object.fromEntries(step.facts), step.text));
}

function judgedBy(page, evidence) {
  return (state.language === "zh" && own(JUDGED_BY_ZH, page.name)) || say(evidence);
}

function ruleOf(page, rule) {
  return (state.language === "zh" && own(PROMISES_ZH, page.name)) || say(rule);
}
