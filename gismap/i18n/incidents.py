"""Texts of incidents: Chinese with its English twin."""

TEXTS: dict[str, tuple[str, str]] = {
    "incident.disagree": (
        "位置与文字不是一处。按位置:{position}。按文字:{words}",
        "The position and the words are not one place. By the position: {position}. By the words: {words}",
    ),
    "audit.action.set incident category": ("设置事件类别", "Set a category of incidents"),
    "audit.action.end incident category": ("停用事件类别", "Ended a category of incidents"),
    "audit.subject.incident": ("事件", "Incident"),
    "audit.subject.incident category": ("事件类别", "Category of incidents"),
    "audit.group.incidents": ("事件", "Incidents"),
}
